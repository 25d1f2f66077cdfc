// The types of /sdk.js. Begin with join(), Room and Chat; what is exported stands first, the rest is what these are made of.
//
//   const room = await join('https://hub.example.org/r/lobby', { name: 'Ann', token: () => fetchToken() })
//   room.addEventListener('message', ({ member, data }) => console.log(member.name, data))
//   await room.broadcast('Hello')

export { Chat, ChatMessageEvent, maxBody }
export type { ChatMessage, Ref }
export { SnugError }
export type { ErrorCode }
export { EndEvent, RoomMessageEvent }
export { maxMessage }
export type { Transport }
export type { HubState }
export { checkRoom, inviteTo, newInvite, newRoomName, parseInvite }
export { isTemporary }
export type { Cause, LinkState, Member }
export type { SendOptions }
export type { Leg, Path }
export type { Holds }
export { join, Room }
export type { JoinOptions }
export type { Token }

interface JoinOptions {
    /** What the member calls itself; at most 128 bytes. */
    name?: string;
    /** Metadata, at most 1,024 bytes of JSON. In a sealed room it is for members only, and has with the name 704. */
    meta?: Record<string, unknown>;
    /** Where the hub asks for one: proves who may enter. A function is asked at each connection, and again before its token expires. */
    token?: Token;
    /** Links go over the hub's TURN servers only, so that members don't learn each other's addresses. */
    relayOnly?: boolean;
    /** Aborts joining. */
    signal?: AbortSignal;
}
/**
 * Joins the room of an invite. Rejects with a SnugError at the first failure;
 * afterwards the room goes back to its hub by itself.
 */
declare function join(invite: string | URL, options?: JoinOptions): Promise<Room>;
interface Room {
    addEventListener: Listen<RoomEvents>;
    removeEventListener: Listen<RoomEvents>;
}
/**
 * A membership in a room. Emits `members` when something in members changed,
 * `message` (RoomMessageEvent), `hub` when hub or permissions changed, `locked` when
 * locked did, and at last `end` (EndEvent).
 */
declare class Room extends EventTarget {
    #private;
    /** The room's name. */
    readonly name: string;
    /** What lets others in. */
    readonly invite: string;
    /** Whether the room has a key: the hub learns no names then, and can't read or forge what opens links. */
    readonly sealed: boolean;
    /** For join(). */
    constructor(hub: URL, name: string, { name: own, meta, token, relayOnly }: JoinOptions, sealed?: Sealed);
    /** For join(): resolves with the first welcome. */
    joined(signal: AbortSignal | undefined): Promise<void>;
    /** This member. */
    get self(): Readonly<Entry>;
    /** The others, in the order of joining. */
    get members(): readonly Member[];
    /** How this side reaches a member, now: its half of the path, the round-trip time and how many bytes have travelled. */
    statistics(id: string): Promise<Leg | undefined>;
    get hub(): HubState;
    /** Whether newcomers are kept out. */
    get locked(): boolean;
    /** What this member may: `join`, `kick`, `lock`. */
    get permissions(): readonly string[];
    /** Puts a member out, with the permission `kick`, and resolves with what that keeps out. Rejects with a SnugError, code `forbidden` without the permission. */
    kick(id: string): Promise<Holds>;
    /** Keeps newcomers out until the room is unlocked or empty, with the permission `lock`. Rejects like kick(). */
    lock(locked?: boolean): Promise<void>;
    /** Sends to one member. Waits while the link is connecting or full; rejects with a SnugError when it ends. */
    send(to: string, data: string | Uint8Array, options?: SendOptions): Promise<void>;
    /** Sends to everybody who is in the room now. Resolves when it is handed over to all; who leaves meanwhile is passed over. */
    broadcast(data: string | Uint8Array, options?: SendOptions): Promise<void>;
    /** Leaves: everything sent before has arrived then, or two seconds have passed. */
    leave(): Promise<void>;
}
/** How a link is: LINK.md, section 1. */
type LinkState = 'connecting' | 'live' | 'shaky' | 'restarting' | 'rebuilding' | 'gone';
/** Why a link is gone. */
type Cause = 'closed' | 'left' | 'self' | 'unknown' | 'signaling' | 'timeout' | 'refused' | 'no-candidates' | 'no-turn' | 'turn' | 'ice' | 'dtls' | 'silent' | 'forged' | 'sealed';
/** Whether another attempt may succeed. */
declare function isTemporary(cause: Cause | undefined): boolean;
/** Somebody in the room, at one moment. */
interface Member extends Readonly<Entry> {
    /** Of the link to it. */
    readonly state: LinkState;
    /** Why the link is gone, if it is; while it is connecting, why the one before it failed. */
    readonly cause?: Cause;
    /** How the link's frames travel, once that is known. */
    readonly path?: Path;
    /** The hub has lost it from sight: it may be about to come back, and its link may work. */
    readonly away: boolean;
}
/** The way that a link's frames take, from the best to the worst. */
type Path = 'lan' | 'direct' | 'relay-udp' | 'relay-tcp' | 'relay-tls';
/** What the statistics say of one end of the pair of candidates in use. */
interface PathEnd {
    type: string;
    /** None, or a name: a browser hides it. */
    address?: string;
    relayProtocol?: string;
}
/** This side's half of a link's path, as the statistics know it. */
interface Leg {
    path: Path;
    /** In ms, of the newest check that was answered; undefined before one was. */
    roundTrip: number | undefined;
    /** Bytes that were sent and received so far, encrypted and framed. */
    sent: number;
    received: number;
}
/** The path of a link whose two sides see these legs. One of a later revision is worse than those that are known. */
declare function worse<A extends string>(a: A, b: A): A;
/** This side's leg by `RTCPeerConnection.getStats()`; undefined while no pair of candidates is in use. */
declare function legOf(report: RTCStatsReport): Leg | undefined;
/** The leg between two ends; the rule stands in peer/path.go. */
declare function legBetween(local: PathEnd, remote: PathEnd): Path;
declare class RoomMessageEvent extends Event {
    readonly data: string | Uint8Array;
    readonly member: Member;
    readonly unreliable: boolean;
    constructor(data: string | Uint8Array, member: Member, unreliable: boolean);
}
declare class EndEvent extends Event {
    /** Why, unless leave() was called. */
    readonly error: SnugError | undefined;
    constructor(error?: SnugError);
}
/** What a Room emits. */
interface RoomEvents {
    members: Event;
    message: RoomMessageEvent;
    hub: Event;
    locked: Event;
    end: EndEvent;
}
/** Listening, or not any more, to events of these types, as to any EventTarget's. */
interface Listen<Events> {
    <T extends keyof Events>(type: T, listener: (event: Events[T]) => void, options?: boolean | AddEventListenerOptions): void;
    (type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}
/** A reference to another message; `author` is left out if it is the message's own. */
interface Ref {
    rel: string;
    id: string;
    author?: string;
}
/** Something that somebody wrote: LINK.md, section 6. */
interface ChatMessage {
    type: 'text';
    /** Unique among the author's messages. */
    id: string;
    /** The author's member id. */
    author: string;
    /** ms since 1970 UTC, by the author's clock. */
    time: number;
    body: string;
    refs?: Ref[];
}
/** The longest body, in bytes. */
declare const maxBody = 8192;
/** Decodes a chat message; undefined for unknown types. Throws a SnugError. */
declare function decodeChat(text: string): ChatMessage | undefined;
declare class ChatMessageEvent extends Event {
    readonly message: ChatMessage;
    /** The author. */
    readonly member: Member;
    constructor(message: ChatMessage, member: Member);
}
interface Chat {
    addEventListener: Listen<{
        message: ChatMessageEvent;
    }>;
    removeEventListener: Listen<{
        message: ChatMessageEvent;
    }>;
}
/** A conversation in a room, as page, terminal and bots have it. Emits `message`, a ChatMessageEvent. */
declare class Chat extends EventTarget {
    #private;
    readonly room: Room;
    constructor(room: Room);
    /**
     * Says something to everybody who is in the room now. The message is returned at
     * once; `sent` settles when it is handed over to all of them. Throws a SnugError,
     * code `empty` for no text, `too-long` above maxBody bytes.
     */
    send(body: string, refs?: Ref[]): {
        message: ChatMessage;
        sent: Promise<void>;
    };
    /** Stops listening; the room goes on. */
    close(): void;
}
type ErrorCode = 'invite' | 'unreachable' | 'not-a-hub' | 'no-websocket' | 'no-webrtc' | 'no-token' | 'no-key' | 'wrong-key' | 'damaged-key' | 'insecure' | 'origin' | 'host' | 'gone' | 'empty' | 'too-long' | 'too-much' | 'aborted' | 'closed' | 'going-away' | 'slow' | 'full' | 'timeout' | 'expired' | 'locked' | 'limit' | 'duplicate' | 'unavailable' | 'connection' | 'malformed' | 'version' | 'room' | 'superseded' | 'order' | 'too-big' | 'token' | 'kicked' | 'forbidden';
/** An error with a code for programs; its message is a sentence for people. */
declare class SnugError extends Error {
    readonly name = "SnugError";
    /** An ErrorCode, or one that a newer hub says. */
    readonly code: ErrorCode | (string & {});
    /** How long to wait before trying again, in ms, if the hub said so. */
    readonly retry: number | undefined;
    /** Of what there was too much, if the code is `limit`. */
    readonly limit: string | undefined;
    /** Trying again won't help. */
    readonly final: boolean;
    constructor(code: ErrorCode | (string & {}), message: string, more?: {
        retry?: number | undefined;
        limit?: string | undefined;
        final?: boolean;
        cause?: unknown;
    });
}
/** Rejects, as fetch does, with what an AbortSignal was aborted for. */
declare function throwIfAborted(signal: AbortSignal | undefined): void;
/** Proves who may enter. A function is asked at each connection, and before a token expires. */
type Token = string | (() => string | Promise<string>);
/** Where tokens come from, and when the next one is needed. */
declare class Renewal {
    #private;
    constructor(token: Token | undefined, renewed: (token: string) => void);
    /** Gives a token, or none where there are none; at once, unless a function has to be asked. */
    ask(use: (token: string | undefined) => void, fail: (error: SnugError) => void): void;
    /** Asks in time for a token that comes after the one that expires then. */
    schedule(expires: number | undefined): void;
    stop(): void;
}
/** What is wrong with a room's name: a sentence, or undefined. */
declare function checkRoom(name: string): string | undefined;
/** Reads an invite, HUB/r/ROOM or HUB/r/ROOM#KEY. Whether the key is the room's isn't known before join(). Throws a SnugError, which never holds the key. */
declare function parseInvite(invite: string | URL): {
    hub: URL;
    room: string;
    key?: string;
};
/** The invite to a room of a hub, a sealed one if there is a key. */
declare function inviteTo(hub: URL | string, room: string, key?: string): string;
/** Draws an invite to a new sealed room of a hub. Rejects with a SnugError, code `insecure`, where browsers don't encrypt: on plain HTTP away from localhost. */
declare function newInvite(hub: URL | string): Promise<string>;
/** Where the room's WebSocket is. */
declare function endpoint(hub: URL, room: string): URL;
/** Draws a name that can't be guessed: 60 random bits, such as k7wq-4fmx-3tba. */
declare function newRoomName(): string;
/** A member as the roster has it. Nothing but `away` changes while it is in the room. */
interface Entry {
    id: string;
    /** What it calls itself. */
    name: string;
    kind: string;
    meta: Record<string, unknown>;
    /** The roster's `n` at which it came in. */
    joined: number;
    /** Whom its token names, where the hub asks for tokens. */
    identity?: string;
    /** It has no connection to the hub now. */
    away?: boolean;
    /** In a sealed room: it can't prove that it has the key, so there is no link to it. */
    sealed?: 'unreadable';
}
interface Departure {
    id: string;
    reason: string;
    n: number;
}
interface Absence {
    id: string;
    away: boolean;
    n: number;
}
/** Who is in the room, at one version. */
interface Roster {
    epoch: string;
    n: number;
    members: Entry[];
    locked?: boolean;
}
interface RosterChange {
    type: 'roster';
    epoch: string;
    n: number;
    left: Departure[];
    joined: Entry[];
    away: Absence[];
    locked?: boolean;
}
declare function decodeRoster(value: unknown): Roster;
declare function decodeRosterChange(m: Record<string, unknown>): RosterChange;
/**
 * Brings roster up to change, which may hold what is known already, and returns
 * what that changed. `moved` are members that went away or came back, as they are now.
 */
declare function applyChange(roster: Roster, change: RosterChange): {
    left: Departure[];
    joined: Entry[];
    moved: Entry[];
};
type HubState = {
    state: 'connecting';
} | {
    state: 'connected';
    transport: Transport;
}
/** Without retryAt, there is no network: it is tried again when there is. */
 | {
    state: 'waiting';
    retryAt?: number;
    error: SnugError;
} | {
    state: 'closed';
    error?: SnugError;
};
interface HubHandlers {
    /** Its `recovered` is true only if this session has lost nothing. */
    welcome(welcome: Welcome): void;
    message(message: Exclude<FromHub, Welcome>): void;
    /** Signals weren't taken, and now are again: what waits for an answer is to be repeated. */
    repeat(): void;
    /** The state or the permissions changed. */
    state(): void;
    /** This machine's network has changed, and the hub is being tried again. */
    network(): void;
}
interface Who {
    name: string;
    meta: Record<string, unknown>;
    token?: Token | undefined;
    secret?: string | undefined;
}
/** A session with a hub, over as many connections as it takes, until close() or a refusal that is final. */
declare class Client {
    #private;
    constructor(endpoint: URL, who: Who, on: HubHandlers);
    get state(): HubState;
    /** What this session may: `join`, `kick`, `lock`. */
    get permissions(): readonly string[];
    /** Says something to another member. It arrives once and in order, or on.repeat or a welcome tells that it may not have. */
    signal(to: string, body: unknown): void;
    kick(id: string): Promise<Holds>;
    lock(locked: boolean): Promise<void>;
    /** Tells how an attempt to open a link came out. Never waits: what the hub doesn't ask for, or can't be told now, is dropped. */
    report({ outcome, path, time }: Report): void;
    /** Makes sure that the connection isn't dead without having said so. */
    probe(): void;
    /** Says bye, unless the hub has ended it with this error. A page that goes has no time to lose. */
    close(error?: SnugError, atOnce?: boolean): void;
    /** Says bye for a page that goes and may come back: then the session begins anew, under the same id. */
    pause(): void;
}
interface LinkHandlers {
    /** What carriers are made and restarted with. */
    configuration(): RTCConfiguration;
    /** Sends a signal to the other member through the hub. */
    signal(signal: Signal): void;
    /** Makes sure that the hub is there. */
    probe(): void;
    /** How the attempt to open the link came out, once. */
    report(report: Report): void;
    /** The link has ended, and the other member has begun another with this signal. */
    anew(signal: Signal): void;
    /** The state, the cause or the path has. */
    changed(): void;
    message(data: string | Uint8Array, unreliable: boolean): void;
}
/** The relation to one other member: LINK.md. It outlives the carriers that it rides on. */
declare class Link {
    #private;
    state: LinkState;
    cause: Cause | undefined;
    path: Path | undefined;
    constructor(offerer: boolean, on: LinkHandlers);
    /** Takes a signal from the other member. */
    take(signal: Signal): void;
    /** There are other ICE servers. */
    serversChanged(): void;
    /** Has something happen, in turn, unless it concerns a carrier that has been given up meanwhile. */
    post(event: LinkEvent, from?: Carrier): void;
    /** How this side reaches the other, now. */
    statistics(): Promise<Leg | undefined>;
    /**
     * Waits while connecting or full, and resolves when the message is kept here for the other side: nothing but the
     * end of the link keeps it from arriving, once and in order, unless it is unreliable. Rejects with a SnugError when the link ends.
     */
    send(data: string | Uint8Array, options?: SendOptions): Promise<void>;
    /** Says bye, and waits until everything that was sent has arrived, for two seconds at most; or ends the link at once. */
    close(atOnce?: boolean): Promise<void>;
}
/** Something that happened to a link. */
interface LinkEvent {
    type: 'begin' | 'described' | 'accepted' | 'undescribed' | 'gathered' | 'opened' | 'connected' | 'silent' | 'failed' | 'closed' | 'path' | 'signaled' | 'undelivered' | 'hub-lost' | 'hub-back' | 'servers' | 'left' | 'bye' | 'drained' | 'bye-ack' | 'close' | 'broken' | 'network' | 'tick';
    signal?: Signal;
    sdp?: string;
    candidate?: Candidate | undefined;
    dtls?: boolean;
    reason?: string;
    retry?: number | undefined;
    turn?: boolean;
    path?: Path | undefined;
}
/** Something that is to be done. */
type Action = {
    do: 'carrier';
    number: number;
} | {
    do: 'offer';
    restart?: boolean | undefined;
} | {
    do: 'answer';
    sdp: string;
} | {
    do: 'accept';
    sdp: string;
} | {
    do: 'candidates';
    candidates: Candidate[];
} | {
    do: 'send';
    signal: Signal;
    via: Via;
} | {
    do: 'probe';
} | {
    do: 'state';
    state: LinkState;
} | {
    do: 'end';
    cause: Cause;
} | {
    do: 'replace';
    signal: Signal;
} | {
    do: 'close';
};
/** The way that a signal takes; link is the control channel. */
type Via = 'hub' | 'link' | 'both';
declare const control = 0;
declare const reliable = 1;
declare const unreliable = 2;
type CarrierState = 'connected' | 'silent' | 'failed' | 'closed';
/** What a carrier tells, until it is closed from here. */
interface CarrierHandlers {
    /** There is a candidate, or no more will come. */
    candidate(candidate: Candidate | undefined): void;
    /** All data channels are open. */
    opened(): void;
    /** dtls: it was the handshake that failed, not the path. */
    state(state: CarrierState, dtls: boolean): void;
    frame(id: number, data: unknown): void;
    /** There is room again. */
    room(): void;
}
/** What a link's frames ride on; no other part of this SDK knows an RTCPeerConnection. */
declare class Carrier {
    #private;
    readonly number: number;
    /** All data channels are. */
    isOpen: boolean;
    /** Control frames that came: they are counted anew on each carrier. */
    received: number;
    constructor(number: number, configuration: RTCConfiguration, on: CarrierHandlers);
    /** Makes an offer and takes it as the local description. A restart gathers candidates anew. */
    offer(restart: boolean): Promise<string>;
    /** Takes an offer in and answers it. */
    answer(sdp: string): Promise<string>;
    accept(sdp: string): Promise<void>;
    /** Takes candidates of the other side. Those that this browser can't use are passed over. */
    add(candidates: Candidate[]): void;
    /** Has the next restart use this configuration. */
    use(configuration: RTCConfiguration): void;
    /** Whether so many bytes can be handed over now. */
    fits(id: number, size: number): boolean;
    /** Hands a frame over, and tells whether that could be. */
    put(id: number, frame: Uint8Array<ArrayBuffer>): boolean;
    /** Sends a control message, if that can be done at once, and tells whether it was. */
    say(payload: string): boolean;
    /** This side's half of the path; undefined while there is none. */
    leg(): Promise<Leg | undefined>;
    close(): void;
}
interface SendOptions {
    /** Send it once, in no order, and don't mind if it is lost. */
    unreliable?: boolean;
    signal?: AbortSignal;
}
/** Messages of a link, on their way out. Reliable ones are kept until the other side has them: another carrier sends them again. */
declare class Outbox {
    #private;
    /** Reliable messages, as long as the link lives. */
    sent: number;
    /** Settles when nobody waits any more who has begun to send reliably. */
    drained: Promise<void>;
    /** There is another carrier, or none for now. */
    use(carrier: Carrier | undefined): void;
    /** The carrier is open. Only on the first one it is known what is missing: everything. */
    open(): void;
    /** Drops what the other side has, so many messages in all, and begins to send what is missing. Throws if it can't have so many. */
    acknowledged(messages: number): void;
    /** Hands over what is kept, as far as there is room, and has those look again who wait. */
    flush(): void;
    /** Nobody may begin to send any more. */
    close(): void;
    /** Nothing more may be sent. */
    stop(): void;
    /** Waits until something may be possible that wasn't; tells whether it is over. */
    look(): Promise<boolean>;
    send(data: string | Uint8Array, { unreliable: once, signal }: SendOptions): Promise<void>;
}
declare const maxFrame = 16384;
/** The longest message, in bytes. */
declare const maxMessage: number;
declare const types: {
    readonly control: 1;
    readonly message: 2;
};
interface Frame {
    type: keyof typeof types;
    channel: number;
    sequence: number;
    payload: string | Uint8Array;
}
declare function bytesOf(payload: string | Uint8Array): Uint8Array;
declare function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer>;
/** Decodes a frame of this version. Of a later one it has no payload, if it counts, or is undefined. Throws if it breaks the protocol. */
declare function decodeFrame(data: ArrayBuffer): (Omit<Frame, 'payload'> & {
    payload?: Frame['payload'];
}) | undefined;
/** Text in UTF-8, decoded. Throws if it is none. */
declare function textOf(payload: string | Uint8Array): string;
declare const subprotocol = "snug.v1";
type ToHub = Hello | {
    type: 'signal';
    to: string;
    body: unknown;
} | {
    type: 'ack';
    received: number;
} | {
    type: 'ping';
} | {
    type: 'pong';
} | {
    type: 'token';
    token: string;
} | {
    type: 'kick';
    id: string;
} | {
    type: 'lock';
    locked: boolean;
} | ({
    type: 'report';
    family: Family;
} & Report);
interface Hello {
    type: 'hello';
    secret: string;
    name: string;
    kind: string;
    meta: Record<string, unknown>;
    token?: string;
    /** What the last welcome called the session. */
    session?: string;
    /** How many counted messages of it have come. */
    received?: number;
}
/** What a kick keeps out: the session and its token, the session only, or nothing because nobody of that id is in the room. */
type Holds = 'token' | 'session' | 'nothing';
interface Limits {
    replay: number;
    [name: string]: unknown;
}
interface Welcome {
    type: 'welcome';
    you: string;
    session: string;
    recovered: boolean;
    received: number;
    roster: Roster;
    ice: ICE;
    heartbeat: {
        ping: number;
        timeout: number;
        grace: number;
    };
    limits: Limits;
    permissions: string[];
    expires?: number;
    features: string[];
}
type FromHub = Welcome | RosterChange | {
    type: 'signal';
    from: string;
    body: unknown;
} | {
    type: 'undeliverable';
    to: string;
    signal: number;
    reason: string;
    retry?: number;
} | {
    type: 'error';
    code: string;
    message: string;
    retry?: number;
    limit?: string;
} | {
    type: 'ack';
    received: number;
} | ({
    type: 'ice';
} & ICE) | {
    type: 'granted';
    permissions: string[];
    expires?: number;
} | {
    type: 'kicked';
    id: string;
    holds: Holds | (string & {});
} | {
    type: 'ping';
} | {
    type: 'pong';
};
type Refusal = Extract<FromHub, {
    type: 'error';
}>;
/** Decodes a message of the hub; undefined for types that this version doesn't know. Throws a SnugError. */
declare function decodeFromHub(text: string): FromHub | undefined;
/** Draws a session's secret. It is kept in memory and said to nobody but the hub. */
declare function newSecret(): string;
/** What carries a session: a WebSocket or, where networks let none through, HTTP requests. */
type Transport = 'websocket' | 'http';
interface ConnHandlers {
    welcome(welcome: Welcome): void;
    /** size is that of the message's text, in bytes. */
    message(message: Exclude<FromHub, Welcome>, size: number): void;
    /** The end, once: why. Not called after close() or drop(). */
    end(error: SnugError): void;
}
/** One connection to a hub, whatever carries it: hello, welcome, messages, end. */
declare abstract class Conn {
    #private;
    abstract readonly transport: Transport;
    protected welcomed: boolean;
    protected ended: boolean;
    protected said: SnugError | undefined;
    constructor(on: ConnHandlers);
    /** Sends a message. What is said without a connection is dropped. */
    abstract send(text: string): void;
    /** Says bye. Without time to lose, what waits to be sent isn't waited for. */
    abstract close(atOnce?: boolean): void;
    /** Releases what is underneath, without a bye. */
    protected abstract release(): void;
    /** Ends it without a bye: the session may go on elsewhere. */
    drop(): void;
    /** Nothing more is told. */
    protected finish(): void;
    protected end(error: SnugError): void;
    /** Takes a message of the hub. */
    protected take(text: string): void;
    /** Why a connection with this close code has ended: PROTOCOL.md, section 6. Errors that the connection survived are none of its causes. */
    protected explain(code: number): SnugError;
}
declare function refusal({ code, message, retry, limit }: Omit<Refusal, 'type'>): SnugError;
declare function unreachable(message: string, cause?: unknown): SnugError;
declare function notAHub(cause?: unknown): SnugError;
/** The refusal in an answer to a request; undefined if there is none in it. */
declare function refusalIn(text: string): SnugError | undefined;
/** The same address for requests. */
declare function overHTTP(endpoint: URL): URL;
/** Finds out why an upgrade failed, which browsers don't tell: PROTOCOL.md, section 1. */
declare function diagnose(endpoint: URL): Promise<SnugError>;
interface Candidate {
    candidate: string;
    mid?: string;
    line?: number;
}
type Signal = {
    type: 'offer';
    n: number;
    carrier: number;
    sdp: string;
} | {
    type: 'answer';
    n: number;
    carrier: number;
    sdp: string;
} | {
    type: 'candidates';
    n: number;
    candidates: Candidate[];
    end?: boolean | undefined;
} | {
    type: 'need-offer';
    n: number;
    fresh?: boolean | undefined;
};
declare const maxCandidatesInSignal = 64;
declare const maxCandidatesForOffer = 128;
/** Decodes the body of a signal; undefined for unknown types. Throws a SnugError. */
declare function decodeSignal(body: unknown): Signal | undefined;
/** Whether who says this has just made its link. */
declare function begins(signal: Signal): boolean;
type Bytes = Uint8Array<ArrayBuffer>;
/** Draws a key, and the name of its room. */
declare function newKey(): Promise<{
    key: string;
    room: string;
}>;
/**
 * Seals what one session says through the hub in a sealed room, and opens what others say. The hub can't read,
 * forge, change, repeat or redirect any of it.
 */
declare class Seal {
    #private;
    /** Resolves with nothing if room and key don't belong together. The salt is for tests: with one that was used before, a nonce would be, too. */
    static make(key: string, room: string, secret: string, salt?: Bytes): Promise<Seal | undefined>;
    constructor(room: string, self: string, signals: Bytes, salt: string, own: CryptoKey);
    /** This session's name and metadata, of which there is one pair only: their counter is always 0. Throws with a sentence. */
    entry(name: string, meta: Record<string, unknown>): Promise<Record<string, unknown>>;
    /** A signal to another member. */
    signal(to: string, body: unknown): Promise<unknown>;
    /** What the hub says, opened; nothing for what can't be. */
    open<M extends FromHub>(message: M): Promise<M | undefined>;
}
/** Which counters of a sender are new: RFC 4303, section 3.4.3. */
declare class Replays {
    #private;
    /** Whether n wasn't taken before, and isn't too old to tell. */
    take(n: number): boolean;
}
/** What a session in a sealed room needs more than another. */
interface Sealed {
    seal: Seal;
    key: string;
    secret: string;
    entry: Record<string, unknown>;
}
declare function isSealed(room: string): boolean;
/** Makes sure that room and key belong together, before anything is sent, and seals name and metadata. */
declare function sealedBy(room: string, key: string | undefined, name: string, meta: Record<string, unknown>): Promise<Sealed>;
