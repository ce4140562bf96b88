"""A small exchange that knows nothing of this project: a plain dialplan, phones, and a manager account that reads all.

For recording what the events of other people's Asterisk look like.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from softphones import Call, IncomingCall, Phone, PhoneHost
from telephony.ami.client import AmiClient
from telephony.ami.recording import Recording
from telephony.asterisk.install import find_asterisk
from telephony.asterisk.process import AsteriskProcess

TRUNK_IP = "127.0.0.77"
PASSWORD = "foreign"
PHONES = ("1001", "1002", "1003")
OFFLINE = "1009"

_ASTERISK = """
[directories]
astetcdir => {home}
astmoddir => {modules}
astvarlibdir => {home}/var
astdbdir => {home}/var
astkeydir => {home}/var
astdatadir => {data}
astagidir => {home}/var
astspooldir => {home}/var
astrundir => {home}
astlogdir => {home}
[options]
nocolor = yes
transmit_silence = yes
defaultlanguage = en_US_f_Allison
"""
_MANAGER = """
[general]
enabled = yes
bindaddr = 127.0.0.1
port = {ami}
timestampevents = yes
[lab]
secret = lab
read = all
write = all
writetimeout = 5000
eventfilter(action(exclude),name(RTCPSent)) =
eventfilter(action(exclude),name(RTCPReceived)) =
eventfilter(action(exclude),name(TestEvent)) =
eventfilter(action(exclude),name(NewConnectedLine)) =
eventfilter(action(exclude),name(DTMFBegin)) =
eventfilter(action(exclude),name(DTMFEnd)) =
eventfilter(action(exclude),name(ChallengeSent)) =
eventfilter(action(exclude),name(SuccessfulAuth)) =
eventfilter(action(exclude),name(Registry)) =
eventfilter(action(exclude),name(ContactStatus)) =
eventfilter(action(exclude),name(DeviceStateChange)) =
eventfilter(action(exclude),name(PeerStatus)) =
eventfilter(action(exclude),name(MusicOnHoldStart)) =
eventfilter(action(exclude),name(MusicOnHoldStop)) =
eventfilter(action(exclude),name(ExtensionStatus)) =
eventfilter(action(exclude),name(QueueMemberStatus)) =
eventfilter(action(exclude),name(ChannelTalkingStart)) =
eventfilter(action(exclude),name(ChannelTalkingStop)) =
"""
_PJSIP = """
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{sip}
[trunk]
type = endpoint
context = incoming
disallow = all
allow = alaw
trust_id_inbound = yes
direct_media = no
aors = trunk
[trunk]
type = aor
contact = sip:{trunk}:{trunk_port}
[trunk]
type = identify
endpoint = trunk
match = {trunk}
"""
_PHONE = """
[{id}]
type = endpoint
context = phones
disallow = all
allow = alaw
direct_media = no
aors = {id}
auth = {id}
{callerid}
[{id}]
type = aor
max_contacts = 1
remove_existing = yes
[{id}]
type = auth
auth_type = digest
username = {id}
password = {password}
"""
_QUEUES = """
[support]
strategy = ringall
timeout = 3
retry = 1
member => PJSIP/1001
[agents]
strategy = ringall
timeout = 5
retry = 1
member => Local/1001@agent/n
[second]
strategy = linear
timeout = 2
retry = 1
member => PJSIP/1002
member => PJSIP/1003
"""
_EXTENSIONS = """
[incoming]
exten => 88001,1,Answer()
 same => n,Queue(support)
 same => n,Hangup()
exten => 88002,1,Queue(agents)
 same => n,Hangup()
exten => 88003,1,Dial(PJSIP/1001,20)
 same => n,Hangup()
exten => 88004,1,Dial(Local/1001@agent,20)
 same => n,Hangup()
exten => 88005,1,Dial(Local/1001@agent/n,20)
 same => n,Hangup()
exten => 88006,1,Dial(PJSIP/1001&PJSIP/1002,20)
 same => n,Hangup()
exten => 88007,1,Dial(PJSIP/1001,20,tT)
 same => n,Hangup()
exten => 88008,1,Dial(PJSIP/1001,20,g)
 same => n,Dial(PJSIP/1002,20)
 same => n,Hangup()
exten => 88009,1,Dial(PJSIP/1009,20)
 same => n,Dial(PJSIP/1001,20)
 same => n,Hangup()
[agent]
exten => _100X,1,NoOp(an agent)
 same => n,Dial(PJSIP/${EXTEN},20)
 same => n,Hangup()
[phones]
exten => _100X,1,Dial(PJSIP/${EXTEN},2,tT)
 same => n,Hangup()
exten => *7,1,Pickup(88003@phones)
 same => n,Hangup()
exten => 7000,1,Queue(second,,,,9)
 same => n,Hangup()
exten => 9000,1,Answer()
 same => n,ConfBridge(9000)
 same => n,Hangup()
exten => 7900,1,Answer()
 same => n,Wait(30)
 same => n,Hangup()
exten => _13XXXXXXXXX,1,Dial(PJSIP/${EXTEN}@trunk,20,tT)
 same => n,Hangup()
[return]
exten => _100X,1,Dial(PJSIP/${EXTEN},2)
 same => n,Dial(PJSIP/1001,10)
 same => n,Hangup()
exten => 7200,1,Dial(Local/1002@phones&Local/1003@phones,5)
 same => n,Dial(PJSIP/1001,10)
 same => n,Hangup()
[picker]
exten => s,1,Pickup(1003@phones)
 same => n,Hangup()
[held]
exten => 1002,1,Dial(PJSIP/1002,2)
 same => n,Bridge(${SEAT})
 same => n,Hangup()
exten => s,1,Wait(60)
 same => n,Hangup()
"""
_CONFBRIDGE = """
[general]
"""
_FEATURES = """
[general]
transferdigittimeout = 2
atxfernoanswertimeout = 5
[featuremap]
blindxfer => #1
atxfer => *2
"""


@dataclass(slots=True)
class Exchange:
    ami: AmiClient
    phones: dict[str, Phone]
    sip: str
    trunk: PhoneHost
    ami_port: int
    _citizens: dict[str | None, Phone] = field(default_factory=dict)

    async def citizen(self, number: str | None) -> Phone:
        if number not in self._citizens:
            self._citizens[number] = await self.trunk.phone(number, domain=self.sip)
        return self._citizens[number]

    async def talk(self, number: str | None, dialled: str, phone: str = "1001") -> tuple[Call, IncomingCall]:
        call = await (await self.citizen(number)).dial(dialled)
        incoming = await self.phones[phone].incoming(10)
        await incoming.answer()
        await call.answered()
        await asyncio.sleep(0.3)
        return call, incoming

    async def answer(self, phone: str, timeout: float = 8) -> IncomingCall:
        incoming = await self.phones[phone].incoming(timeout)
        await incoming.answer()
        return incoming

    async def channel(self, endpoint: str) -> str:
        """The newest channel of an endpoint."""
        items = await self.ami.list_action({"Action": "CoreShowChannels"})
        names = [str(item["Channel"]) for item in items if str(item["Channel"]).startswith(f"PJSIP/{endpoint}-")]
        return names[-1]

    async def quiet(self) -> None:
        for host in {phone.host for phone in self.phones.values()} | {self.trunk}:
            for call in host.calls:
                if not call.is_over:
                    await call.hangup()
        async with asyncio.timeout(15):
            while await self.ami.list_action({"Action": "CoreShowChannels"}):
                await asyncio.sleep(0.1)
        for phone in self.phones.values():
            phone.forget_rings()


def _free(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configure(home: Path, modules: str, data: str, sip: int, ami: int, trunk_port: int) -> None:
    plain = Path("asterisk-config/modules.conf.j2").read_text(encoding="utf-8")
    phones = "".join(
        _PHONE.format(id=name, password=PASSWORD, callerid=f"callerid = Phone <{name}>" if name != "1003" else "")
        for name in (*PHONES, OFFLINE)
    )
    files = {
        "asterisk.conf": _ASTERISK.format(home=home, modules=modules, data=data),
        "manager.conf": _MANAGER.format(ami=ami),
        "pjsip.conf": _PJSIP.format(sip=sip, trunk=TRUNK_IP, trunk_port=trunk_port) + phones,
        "queues.conf": _QUEUES,
        "extensions.conf": _EXTENSIONS,
        "confbridge.conf": _CONFBRIDGE,
        "features.conf": _FEATURES,
        "modules.conf": "".join(
            line for line in plain.splitlines(keepends=True) if not ("cdr" in line or "cel_custom" in line)
        ),
        "rtp.conf": "[general]\nrtpstart = 47000\nrtpend = 47400\n",
        "logger.conf": "[logfiles]\nmessages = notice,warning,error\n",
    }
    (home / "var").mkdir()
    for name, text in files.items():
        (home / name).write_text(text, encoding="utf-8")


def listener(ami_port: int) -> AmiClient:
    return AmiClient("127.0.0.1", ami_port, "lab", "lab")


@asynccontextmanager
async def exchange(home: Path) -> AsyncIterator[Exchange]:
    """Runs in ``home``, an empty folder with a short path."""
    binary = find_asterisk(Path(".local"))
    sip, ami = _free(socket.SOCK_DGRAM), _free(socket.SOCK_STREAM)
    async with AsyncExitStack() as stack:
        trunk = await stack.enter_async_context(PhoneHost(ip=TRUNK_IP))
        _configure(home, str(binary.module_dir), str(binary.data_dir), sip, ami, trunk.port)
        asterisk = AsteriskProcess(binary, home / "asterisk.conf", home, home, die_with_parent=True)
        await asterisk.start()
        stack.push_async_callback(asterisk.stop)
        host = await stack.enter_async_context(PhoneHost(ip="127.0.0.1"))
        client = listener(ami)
        await client.connect()
        stack.push_async_callback(client.close)
        address = f"127.0.0.1:{sip}"
        phones = {name: await host.phone(name, password=PASSWORD, registrar=address) for name in PHONES}
        yield Exchange(client, phones, address, trunk, ami)


@asynccontextmanager
async def recorded(ours: Exchange, path: Path) -> AsyncIterator[None]:
    """Everything that Asterisk tells between entry and quiet goes into ``path``, which is written anew."""
    path.unlink(missing_ok=True)
    with Recording.to(path) as recording:
        ears = listener(ours.ami_port)
        await ears.connect()
        taking = asyncio.create_task(recording.take(ears))
        try:
            yield
            await ours.quiet()
            await asyncio.sleep(0.3)
        finally:
            await ears.close()
            await taking
    _thin_out(path)


def _thin_out(path: Path) -> None:
    """Most of a recording are variables; of these only what Dial says of its end is kept."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"VarSet"' not in line or b'"DIALSTATUS"' in line))
