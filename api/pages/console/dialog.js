// A call's SIP dialog outlives this page: it is written down, and a page that is loaded again knows what it was in.
//
// With a caller alone it gives its leg up by a BYE whose cause says so, and extensions.conf (`talk-over`) rings it for the
// same caller at once: nothing of the old sound is left that the new one could trip over, and whatever fails on the way
// ends with a human of the line.
//
// In a three-way call the leg stays, for the room is made of legs. What changes is the other end of the sound: a re-INVITE
// (RFC 3261 section 14) brings new ICE credentials (RFC 8445 section 9) and a new DTLS association (RFC 8842 section 5),
// from a new contact. Asterisk 22.10 begins a new DTLS association with ICE only when it changes between client and server
// (`dtls_set_setup` of res_rtp_asterisk.c; `a=connection:new` is ignored), else it holds the new handshake against the old
// one. It takes the session's `a=setup` and then the medium's, which counts (RFC 4145 section 4): two of them change it to
// and fro. And Debian's drops frames whose RTP sequence number lies behind the last of the same translation path
// (2016_opus_plc.patch), while a new sender begins anywhere: out of the room and in again, the path is a new one.

import { Parser, RTCSession } from "../vendor/jssip.js";

const KEPT = "hotline-dialog";
const GIVEN_UP = 'Reason: Q.850;cause=27;text="loaded again"'; // of extensions.conf
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

/** Of a call that rings here. If the page is loaded again it goes on ringing. */
export function keepRinging(session) {
  sessionStorage.setItem(KEPT, JSON.stringify({ invite: session._request.data, lives: 0 }));
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
  session.connection.addTransceiver(track, { direction, streams: [new MediaStream([track])] });
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
  if (!session._is_confirmed) await new Promise((resolve) => { session.once("confirmed", resolve); }); // RFC 3261 section 14.1
  await connection.setLocalDescription(await connection.createOffer());
  await gathered(connection);
  const answer = await asked(session, changed(connection.localDescription.sdp)).catch(async (failure) => {
    if (connection.signalingState === "have-local-offer") await connection.setLocalDescription({ type: "rollback" });
    throw failure;
  });
  await connection.setRemoteDescription({ type: "answer", sdp: answer });
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

/** The leg ends, and this phone is rung for the same caller. Raises as `renew` does. */
export async function giveUp(session) {
  await request(session, "BYE", { extraHeaders: [GIVEN_UP] });
}

async function asked(session, body) {
  const extraHeaders = [`Contact: ${session.contact}`, "Content-Type: application/sdp"];
  const answer = await request(session, "INVITE", { extraHeaders, body }, () => session.sendRequest("ACK"));
  return answer.body;
}

/** The answer to it; `each` is done each time that it comes. */
function request(session, method, what, each = () => {}) {
  return new Promise((resolve, reject) => {
    const away = () => reject(new Error("no way to Asterisk"));
    session.sendRequest(method, {
      ...what,
      eventHandlers: {
        onSuccessResponse(response) {
          each();
          resolve(response);
        },
        onErrorResponse: (response) => reject(new Refused(response.status_code)),
        onRequestTimeout: away,
        onTransportError: away,
        onDialogError: () => reject(new Refused(481)),
      },
    });
  });
}
