// A call's SIP dialog outlives this page: it is written down, and a page that is loaded again takes it up where it was.
//
// Asterisk's channel stays as it was, so a handoff, a three-way call or a recording goes on. What changes is the other
// end of the sound: a re-INVITE (RFC 3261 section 14) brings new ICE credentials (RFC 8445 section 9) and a new DTLS
// association (RFC 8842 section 5), from a new contact. Two faults of Asterisk 22.10 are gone round:
//
// - With ICE it begins a new DTLS association only when it changes between client and server (`dtls_set_setup` of
//   res_rtp_asterisk.c; `a=connection:new` is ignored), else it holds the new handshake against the old one. It takes
//   the session's `a=setup` and then the medium's, which counts (RFC 4145 section 4): two of them change it to and fro.
// - Debian's drops frames whose RTP sequence number lies behind the last of the same translation path
//   (2016_opus_plc.patch), and a new sender begins anywhere. Another codec makes the path anew, so the other G.711 law is
//   preferred each time; the caller is heard. (In a recording the seat may be silent for a while after a reload.)
//
// Both laws are offered all the same: Asterisk forgets what was not offered before it has stopped sending it, and hangs
// up a channel whose frame it cannot send (`set_caps`, `ast_rtp_write`, `ast_write_stream`).

import { Parser, RTCSession } from "../vendor/jssip.js";

const KEPT = "hotline-dialog";
const OTHER_LAW = { PCMA: "PCMU", PCMU: "PCMA" };
const SPARE_SEQUENCE_NUMBERS = 1000; // between one life of the page and the next: more requests than a call has
const GATHERING_MS = 1500;
const REQUEST_PENDING = 491;
const PENDING_MS = 2000;
const MOST_TRIES = 3;

export const PEER = { iceServers: [], bundlePolicy: "max-bundle" };

export const kept = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
export const forget = () => sessionStorage.removeItem(KEPT);
/** Of what is kept; a call that is not, as the echo test, has nothing to change. */
export const change = (part) => {
  const was = kept();
  if (was) sessionStorage.setItem(KEPT, JSON.stringify({ ...was, ...part }));
};

/** Of a call that rings here, in A-law as pjsip.conf prefers. If the page is loaded again it goes on ringing. */
export function keepRinging(session) {
  sessionStorage.setItem(KEPT, JSON.stringify({ invite: session._request.data, lives: 0, law: "PCMA" }));
}

export function keepAnswered(session) {
  session._dialog.local_seqnum = SPARE_SEQUENCE_NUMBERS;
  change({ tag: session._request.to_tag, since: Date.now() });
}

/** The INVITE that rang, once more; JsSIP makes a call of it as it did before. */
export function ringAgain(ua, { invite }) {
  ua.transport.ondata({ transport: ua.transport, message: invite });
}

/** The session of the dialog that was written down, without sound until `renew`. */
export function takeUp(ua, was) {
  const request = Parser.parseMessage(was.invite, ua);
  request.to_tag = was.tag;
  const session = new RTCSession(ua);
  Object.assign(session, {
    _id: request.call_id + request.from_tag,
    _request: request,
    _status: RTCSession.C.STATUS_CONFIRMED,
    _is_confirmed: true,
    _direction: "incoming",
    _local_identity: request.to,
    _remote_identity: request.from,
    _contact: ua.contact.toString(),
    _start_time: new Date(was.since),
  });
  session._createDialog(request, "UAS");
  const lives = was.lives + 1;
  session._dialog.local_seqnum = (lives + 1) * SPARE_SEQUENCE_NUMBERS;
  ua._sessions[session.id] = session;
  change({ lives });
  return session;
}

/** Without JsSIP's rule that a call is ended when the network is gone for a while: the network comes back. */
RTCSession.prototype._createRTCConnection = function connectionThatLasts(config, constraints) {
  this._connection = new RTCPeerConnection(config, constraints);
  this.emit("peerconnection", { peerconnection: this._connection });
};

/** Asterisk said no. `gone`: it knows no such call any more. */
export class Refused extends Error {
  constructor(status) {
    super(`SIP ${status}`);
    this.status = status;
    this.gone = status === 481 || status === 408;
  }
}

/** Offers the connection as it is now to the other end. Raises Refused, or Error while there is no way to it. */
export async function renew(session) {
  await offer(session, (sdp) => sdp);
}

/** Another connection for the call's sound, with this track. Raises as `renew` does. */
export async function reconnect(session, track, direction) {
  session._connection?.close();
  session._createRTCConnection(PEER);
  const transceiver = session.connection.addTransceiver(track, { direction, streams: [new MediaStream([track])] });
  const law = OTHER_LAW[kept().law];
  transceiver.setCodecPreferences(preferring(law));
  change({ law }); // before it is asked for: Asterisk may have heard it although no answer came
  await offer(session, (sdp) => sdp.replace(/^a=setup:.*$/m, "a=setup:active").replace(/^m=/m, "a=setup:passive\r\nm="));
}

/** One after the other; when both ends ask at once, again after a while (RFC 3261 section 14.1). */
function offer(session, changed) {
  const mine = async () => {
    for (let tries = MOST_TRIES; ; tries -= 1) {
      try {
        return await offerOnce(session, changed);
      } catch (failure) {
        if (failure.status !== REQUEST_PENDING || tries === 0) throw failure;
        await new Promise((resolve) => { setTimeout(resolve, Math.random() * PENDING_MS); });
      }
    }
  };
  session.data.offered = (session.data.offered ?? Promise.resolve()).catch(() => null).then(mine);
  return session.data.offered;
}

async function offerOnce(session, changed) {
  const { connection } = session;
  await connection.setLocalDescription(await connection.createOffer());
  await gathered(connection);
  const answer = await asked(session, changed(connection.localDescription.sdp)).catch(async (failure) => {
    if (connection.signalingState === "have-local-offer") await connection.setLocalDescription({ type: "rollback" });
    throw failure;
  });
  await connection.setRemoteDescription({ type: "answer", sdp: answer });
}

function preferring(law) {
  const { codecs } = RTCRtpReceiver.getCapabilities("audio");
  return [law, OTHER_LAW[law], "telephone-event"].flatMap((name) => codecs.filter(({ mimeType }) => mimeType === `audio/${name}`));
}

async function gathered(connection) {
  if (connection.iceGatheringState === "complete") return;
  const late = AbortSignal.timeout(GATHERING_MS);
  await new Promise((resolve) => {
    late.addEventListener("abort", resolve);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") resolve();
    });
  });
}

function asked(session, body) {
  return new Promise((resolve, reject) => {
    const away = () => reject(new Error("no way to Asterisk"));
    let answered = false;
    session.sendRequest("INVITE", {
      extraHeaders: [`Contact: ${session.contact}`, "Content-Type: application/sdp"],
      body,
      eventHandlers: {
        onSuccessResponse(response) {
          session.sendRequest("ACK"); // once more for each time the answer comes
          if (!answered) resolve(response.body);
          answered = true;
        },
        onErrorResponse: (response) => reject(new Refused(response.status_code)),
        onRequestTimeout: away,
        onTransportError: away,
        onDialogError: () => reject(new Refused(481)),
      },
    });
  });
}
