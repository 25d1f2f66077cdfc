// The types of /sdk.js. Begin with join(), Room and Chat; what is exported stands first, the rest is what these are made of.
//
//   const room = await join('https://hub.example.org/r/lobby', { name: 'Ann', token: () => fetchToken() })
//   room.addEventListener('message', ({ member, data }) => console.log(member.name, data))
//   await room.broadcast('Hello')

export { Channel }
export type { ChannelOptions }
export { Chat, ChatMessageEvent, maxBody }
export type { ChatMessage, Ref }
export { RequestError, SnugError }
export type { ErrorCode }
export { ChannelEvent, EndEvent, RoomMessageEvent, VerifyEvent }
export { maxMessage }
export type { Transport }
export type { HubState }
export { checkRoom, inviteTo, newInvite, newRoomName, parseInvite }
export { isTemporary }
export type { Cause, LinkState, Member }
export type { SendOptions }
export type { Leg, Path }
export type { Holds }
export type { Answer, RequestHandler, RequestOptions }
export { join, Room }
export type { JoinOptions }
export type { Comparison, MemberStanding }
export type { Stream }
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
 * `message` (RoomMessageEvent), `channel` (ChannelEvent), `verify` (VerifyEvent), `hub` when hub or permissions changed, `locked` when
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
    /**
     * Sends to one member, up to 8 MiB. Waits while the link is connecting or full, and resolves when the message is kept here for the other
     * side: nothing but the end of the link keeps it from arriving, once and in order, unless it is unreliable. Rejects with a SnugError.
     */
    send(to: string, data: string | Uint8Array, options?: SendOptions): Promise<void>;
    /** Sends to everybody who is in the room now. Resolves when it is handed over to all; who leaves meanwhile is passed over. */
    broadcast(data: string | Uint8Array, options?: SendOptions): Promise<void>;
    /** The channel of this name, to everybody; always the same one until it is closed. Throws a SnugError, code `channel`, if that can't be a name. */
    channel(name: string, options?: ChannelOptions): Channel;
    /**
     * Opens a stream of bytes to a member that listens for this name. Waits while the link is connecting, or the other side takes no more
     * channels. Rejects with a SnugError, code `closed` if nobody listens there, and if the signal is aborted.
     */
    dial(to: string, name: string, { signal }?: {
        signal?: AbortSignal;
    }): Promise<Stream>;
    /** The streams that others dial by this name, one after the other, from the first next() until the signal is aborted or the room ends. */
    listen(name: string, { signal }?: {
        signal?: AbortSignal;
    }): AsyncGenerator<Stream, void>;
    /**
     * Compares seven emoji with the person at a member’s end, in a sealed room, if both want to: asks the other side, or agrees if that has asked
     * (VerifyEvent). Resolves when there is something to compare. Rejects with a SnugError, code `verify-…`; an aborted signal stops it.
     */
    verify(id: string, { signal }?: {
        signal?: AbortSignal;
    }): Promise<Comparison>;
    /** Nobody here wants to compare with this member, or to go on. */
    stopVerify(id: string): void;
    /** Has a member whose standing is `changed` be known from now on: somebody has made sure by another way who it is. */
    accept(id: string): Promise<void>;
    /**
     * Answers the requests of this name, of all members, until the function that it returns is called. Each is handled by itself, up to 64 of a member at the same
     * time. Requests and answers are what JSON can say, 256 KiB at most. What it throws is told as it is if it is a RequestError; of other errors the other side hears `failed`
     * alone, and this page its reportError(). Throws a SnugError, code `limit`, if somebody handles the name already.
     */
    handle<Request = any, Answer = unknown>(name: string, handler: RequestHandler<Request, Answer>): () => void;
    /**
     * Asks a member, and resolves with its answer. Rejects with a RequestError if the other side says that it failed (its code may be `unknown`, `malformed`, `failed`, `timeout`, `cancelled`,
     * `too-long` or a handler's own), and with a SnugError, code `gone`, `timeout` or `aborted`, if there was no answer. It is handled once at most, whatever happens to connections.
     */
    request<Answer = unknown>(to: string, name: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
    /** Asks everybody who is in the room at the first next(), and gives the answers as they come: one for each, or its error. Who stops to iterate gives up the others. */
    requestAll<Body = unknown>(name: string, body?: unknown, options?: RequestOptions): AsyncGenerator<Answer<Body>, void>;
    /** Leaves: everything sent before has arrived then, or two seconds have passed. */
    leave(): Promise<void>;
}
interface ChannelOptions {
    /** Messages are sent once, in no order, and may get lost; each has to fit into a frame. What comes is taken either way. */
    unreliable?: boolean;
}
interface Channel {
    removeEventListener: Listen<{
        message: RoomMessageEvent;
    }>;
}
/**
 * A room's channel of one name. What comes waits until somebody listens to `message` (RoomMessageEvent) or iterates over
 * messages(); each sender may have so much wait as its window allows. Its messages are in order, and keep no other channel waiting.
 */
declare class Channel extends EventTarget {
    #private;
    readonly name: string;
    readonly unreliable: boolean;
    /** For Room.channel(). */
    constructor(all: Channels, name: string, unreliable: boolean);
    /** Sends to one member, like Room.send(). */
    send(to: string, data: string | Uint8Array, options?: Omit<SendOptions, 'unreliable'>): Promise<void>;
    /** Sends to everybody who is in the room now, like Room.broadcast(). */
    broadcast(data: string | Uint8Array, options?: Omit<SendOptions, 'unreliable'>): Promise<void>;
    /**
     * What comes, one after the other, each sender in turn, until the channel is closed. While there is an iterator, what it hasn't
     * taken waits: whoever sends too much waits with it. Each message goes to one iterator, and to all listeners when it is taken.
     */
    messages(): AsyncIterableIterator<RoomMessageEvent, undefined>;
    addEventListener(type: 'message', listener: (event: RoomMessageEvent) => void, options?: boolean | AddEventListenerOptions): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
    /** Nothing more is sent or taken: what waits here is dropped, and the others are told that nobody reads. */
    close(): void;
    /** For the room: something has come. */
    arrived(inlet: Inlet, from: () => Member): void;
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
    /** In a sealed room: what is known of it, once it has proved who it is. */
    readonly standing?: MemberStanding;
    /** Somebody there wants to compare emoji: Room.verify() agrees. */
    readonly asks?: boolean;
    /** How the link's frames travel, once that is known. */
    readonly path?: Path;
    /** The hub has lost it from sight: it may be about to come back, and its link may work. */
    readonly away: boolean;
}
/** What is known of a member of a sealed room: its key wasn’t there before, it was, two people have compared its emoji, or its name, or whom its token names, was seen with another key. */
type MemberStanding = 'unverified' | 'known' | 'verified' | 'changed';
/** Seven emoji, which two people compare by voice or in sight. */
interface Comparison {
    readonly emoji: ReadonlyArray<{
        symbol: string;
        en: string;
        zh: string;
    }>;
    /** Tells whether they are the same on both sides. Rejects like Room.verify() if the exchange has ended. */
    answer(same: boolean): Promise<void>;
}
/** What a room knows of its members’ keys. */
interface Trusting {
    /** For a link to another member. */
    prover(self: string, on: ProverHandlers): Prover;
}
interface ProverHandlers {
    /** The other member, as it is now. */
    entry(): Entry;
    /** Sends a control message. */
    say(message: object): void;
    /** A description came that isn’t the member’s own. */
    forged(): void;
    /** The standing has changed, or whether the other side asks. */
    changed(): void;
    /** Somebody there wants to compare emoji. */
    asked(): void;
}
/** What the prover has of a carrier. */
interface Proving {
    readonly number: number;
    certificate(): ArrayBuffer | undefined;
}
/** Holds back what comes on a carrier. */
interface Gate {
    take(id: number, data: unknown): void;
    /** Passes on what was held back, and what comes. */
    open(): void;
}
/** Shows the other side of a link who this is, and has it show who it is: LINK.md, section 8. */
interface Prover {
    readonly standing: MemberStanding | undefined;
    /** Somebody there wants to compare emoji. */
    readonly asks: boolean;
    /** There is another carrier. */
    moved(number: number): void;
    /** The carrier has made or taken these. */
    described(role: 'offer' | 'answer' | 'accept', taken: string, made?: string): void;
    /** Adds a proof to a description, always the same one. */
    sign(signal: Signal): Promise<Signal>;
    /** Whether a signal may be taken: descriptions of the other side’s own. */
    check(signal: Signal): Promise<boolean>;
    gate(frame: (id: number, data: unknown) => void): Gate;
    /** What this side confirms as the first thing on a carrier. */
    hello(carrier: Proving): Promise<object>;
    /** Resolves when the other side’s hello fits. Rejects if it doesn’t. */
    meet(carrier: Proving, gate: Gate): Promise<void>;
    verify(signal?: AbortSignal): Promise<Comparison>;
    /** Nobody here wants to compare, or to go on. */
    stop(): void;
    /** Somebody has made sure by another way who a changed member is. */
    accept(): Promise<void>;
    /** Takes a control message about comparing. */
    heard(message: unknown): void;
    /** The link has ended. */
    end(): void;
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
    /** Of an unreliable message that has one. */
    readonly key: string | undefined;
    constructor(data: string | Uint8Array, member: Member, unreliable: boolean, key?: string);
}
/** A member has opened a channel that nobody here has asked for yet. What comes on it waits for Room.channel(). */
declare class ChannelEvent extends Event {
    readonly name: string;
    readonly unreliable: boolean;
    readonly member: Member;
    constructor(name: string, unreliable: boolean, member: Member);
}
/** A member wants to compare emoji: Room.verify() agrees, Room.stopVerify() doesn’t. */
declare class VerifyEvent extends Event {
    readonly member: Member;
    constructor(member: Member);
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
    channel: ChannelEvent;
    verify: VerifyEvent;
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
type ErrorCode = 'invite' | 'unreachable' | 'not-a-hub' | 'no-websocket' | 'no-webrtc' | 'no-token' | 'no-key' | 'wrong-key' | 'damaged-key' | 'no-ed25519' | `verify-${'stopped' | 'cancelled' | 'timeout' | 'differs' | 'broken' | 'moved' | 'busy' | 'early' | 'open'}` | 'insecure' | 'origin' | 'host' | 'gone' | 'empty' | 'too-long' | 'too-much' | 'aborted' | 'closed' | 'channel' | 'going-away' | 'slow' | 'full' | 'timeout' | 'expired' | 'locked' | 'limit' | 'duplicate' | 'unavailable' | 'connection' | 'malformed' | 'version' | 'room' | 'superseded' | 'order' | 'too-big' | 'token' | 'kicked' | 'forbidden';
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
/** Of a request: what the other side said is wrong. Thrown by a handler, it is what the other side is told: a code of a-z, 0-9 and -, and a sentence. */
declare class RequestError extends SnugError {
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
/** What a room's members say to each other, by channel. */
declare class Channels {
    #private;
    constructor(links: Links, emit: (event: Event) => void);
    get(name: string, { unreliable }?: ChannelOptions): Channel;
    /** A member's channel was opened, has something to take, or was closed. */
    arrived(inlet: Inlet, from: Standing): void;
    /** Sends to one member, on a channel or on what is always there. */
    send(to: string, data: string | Uint8Array, options?: SendOptions, name?: string): Promise<void>;
    /** Sends to everybody. Who leaves meanwhile, or doesn't want it, is passed over. */
    broadcast(data: string | Uint8Array, options?: SendOptions, name?: string): Promise<void>;
    dial(to: string, name: string, signal?: AbortSignal): Promise<Stream>;
    listen(name: string, signal?: AbortSignal): AsyncGenerator<Stream, void>;
    handle(name: string, handler: RequestHandler): () => void;
    request(to: string, name: string, body: unknown, options?: RequestOptions): Promise<unknown>;
    requestAll(name: string, body: unknown, options?: RequestOptions): AsyncGenerator<Answer<unknown>, void>;
    /** Links have changed. */
    changed(): void;
    /** A channel isn't used here any more. */
    close({ name, unreliable }: Channel): void;
    /** The room has ended. */
    end(): void;
}
/** A stream of bytes to and from a member. Closing `writable` ends this direction; cancelling `readable` tells the other side that nobody reads. */
interface Stream {
    member: Member;
    readable: ReadableStream<Uint8Array>;
    writable: WritableStream<Uint8Array>;
}
/** What this file has of the others. */
interface StreamTools {
    snapshot(from: Standing): Member;
    error(code: 'gone' | 'aborted' | 'limit', message: string, cause?: unknown): SnugError;
}
/** The streams of a room. */
declare class Streams {
    #private;
    constructor(tools: StreamTools);
    /** Opens a stream, and waits until the other side has opened the way back. */
    dial(from: Standing, name: string, signal?: AbortSignal): Promise<Stream>;
    /** Takes what others dial, until the signal or the end of the room. One listens for a name. */
    listen(name: string, signal?: AbortSignal): AsyncGenerator<Stream, void>;
    /** A stream of a member's was opened, has something to take, or was closed. */
    arrived(inlet: Inlet, from: Standing): void;
    /** The room has ended. */
    end(): void;
}
type Timer = ReturnType<typeof setTimeout> | undefined;
/** How a member stands: the hub lists it, or may list it again until missed fires, or a link to it lives. After so many failures in a row, another is made when retry fires. */
interface Standing {
    entry: Entry;
    listed: boolean;
    missed: Timer;
    link: Link;
    failures: number;
    retry: Timer;
    before: Cause | undefined;
    forged: boolean;
}
interface LinksHandlers extends Pick<LinkHandlers, 'configuration' | 'probe' | 'report'> {
    /** In a sealed room. */
    trust: Trusting | undefined;
    self(): Entry;
    /** There is a connection to the hub. */
    hubThere(): boolean;
    /** Sends a signal to a member through the hub. */
    signal(id: string, signal: Signal): void;
    /** Something in members has changed. It is told once for all that changes now. */
    changed(): void;
    /** A channel was opened by a member, has something to take, or was closed. */
    arrived(inlet: Inlet, from: Standing): void;
    /** A member wants to compare emoji. */
    asked(from: Standing): void;
}
/** Who is in the room, and the link to each. */
declare class Links {
    #private;
    constructor(on: LinksHandlers);
    get(id: string): Standing | undefined;
    get all(): Standing[];
    /** Everybody in the room, linked or not. */
    get members(): Member[];
    /** Has something happen to all links. */
    post(event: LinkEvent): void;
    /** The hub lists these, and nobody else. In a new epoch the others keep their places for so many ms. */
    list(entries: Entry[], grace: number | undefined): void;
    /** The roster has changed so. */
    change({ left, joined, moved }: {
        left: Departure[];
        joined: Entry[];
        moved: Entry[];
    }): void;
    /** This machine's network has changed: a link that failed has another chance. */
    network(): void;
    /** No more links are made. Resolves when all have ended. */
    close(): Promise<void>;
    /** Nobody is waited for any more. */
    settle(): void;
    /** A member has sent a signal. */
    signaled(from: string, body: unknown): void;
    /** What came in a member's name can't be opened. */
    forged(from: string): void;
}
/** Somebody in the room, as of now. */
declare function snapshot({ entry, listed, link, before, forged }: Standing): Member;
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
    /** A channel of the other side's was opened, has something to take, or was closed. */
    arrived(inlet: Inlet): void;
    /** In a sealed room: what proves to each side who the other is. */
    prover?(say: (message: object) => void): Prover;
}
/** The relation to one other member: LINK.md. It outlives the carriers that it rides on. */
declare class Link {
    #private;
    state: LinkState;
    cause: Cause | undefined;
    path: Path | undefined;
    readonly prover: Prover | undefined;
    constructor(offerer: boolean, on: LinkHandlers);
    /** Takes a signal from the other member. */
    take(signal: Signal): void;
    /** There are other ICE servers. */
    serversChanged(): void;
    /** Has something happen, in turn, unless it concerns a carrier that has been given up meanwhile. */
    post(event: LinkEvent, from?: Carrier): void;
    /** How this side reaches the other, now. */
    statistics(): Promise<Leg | undefined>;
    /** This side's channels to the other. */
    get outlets(): Outlets;
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
    /** The other side’s, as DTLS has seen it; undefined where browsers don’t tell. */
    certificate(): ArrayBuffer | undefined;
    close(): void;
}
interface TrafficHandlers {
    /** A channel of the other side's was opened, has something to take, or was closed. */
    arrived(inlet: Inlet): void;
    /** The other side closes; all that it had sent before is here, and it was told so; it has all that was sent from here. */
    post(event: {
        type: 'bye' | 'drained' | 'bye-ack';
    }): void;
    /** The other side has said a signal, or its leg of the path. */
    take(signal: Signal): void;
    heard(leg: Path): void;
    /** The other side has said something about comparing emoji. */
    verify(message: unknown): void;
}
/** What a link carries, on whatever carrier there is: frames in and out, their acknowledgement, and the last of them. */
declare class Traffic {
    #private;
    readonly outlets: Outlets;
    constructor(on: TrafficHandlers);
    /** There is another carrier, or none for now. */
    use(carrier: Carrier | undefined): void;
    /** It is open: hello comes first. On a later one, what is missing is sent again once the other side has said what is there. */
    hello(identity?: object): void;
    /** Messages may be sent. */
    open(): void;
    /** There is room for more. */
    flush(): void;
    /** Sends a control message, if that can be done at once, and tells whether it was. */
    say(message: object): boolean;
    /** Nothing more is sent, and nothing taken. What was taken can still be read. */
    end(): void;
    /** Says bye, when there is a carrier for it. */
    sayBye(): Promise<void>;
    /** Takes what has come on a data channel. Throws if it breaks the protocol. */
    receive(c: Carrier, id: number, data: unknown): void;
}
/** Channels that are open at once, besides the one that is always there; each has a window. */
declare const maxChannels = 64;
/** What a frame brought: a channel was opened (if it isn't refused at once), has a message, was closed, or isn't wanted by the other side. */
type Arrival = {
    type: 'open' | 'message' | 'close';
    inlet: Inlet;
} | {
    type: 'stop';
    id: number;
};
interface InboundHandlers {
    /** The application has taken something. */
    taken(): void;
    /** The other side is to close this channel. */
    unwanted(id: number): void;
}
/** How soon the other side has to be told something. */
type Urgency = 'not' | 'soon' | 'now';
/**
 * What this side knows of the frames that the other sends: which channels are open, what may come on them, and how
 * pieces join. Without clock and network: the same traces drive it here and in Go. Throws when the protocol is broken.
 */
declare class Inbound {
    #private;
    /** Of the reliable data channel, taken in. */
    frames: number;
    /** How soon the other side has to be told something. */
    urgency: Urgency;
    constructor(on: InboundHandlers);
    /** There is another carrier than the first. */
    resume(): void;
    /** Takes what came on the reliable data channel. */
    take(data: ArrayBuffer): Arrival | undefined;
    /** Nothing more will come. What has come can still be taken. */
    end(): Inlet[];
    /** Nobody wants what comes on a channel. */
    refuse(inlet: Inlet): void;
    /** The application has taken it. */
    taken(inlet: Inlet, { cost, reserved, unreliable }: Item): void;
    /** Takes what came on the unreliable data channel. What can't be placed is dropped: it may be early, or late. */
    takeUnreliable(data: ArrayBuffer): Arrival | undefined;
    /** How much of what all channels share is in use, in bytes. */
    get used(): {
        reserved: number;
        wider: number;
        unreliable: number;
    };
    /** What the other side has to be told. It counts as told: if it couldn't be said, resay() is called. */
    acknowledge(): {
        type: 'ack';
        frames: number;
        windows: Record<string, number> | undefined;
        opens: number | undefined;
    };
    /** All of it has to be told: what was told may be lost. */
    resay(): void;
}
/** A message that waits for the application, or a piece of a stream. reserved: bytes of the link's reserve that it has. */
interface Item {
    data: string | Uint8Array;
    key?: string | undefined;
    cost: number;
    reserved: number;
    unreliable: boolean;
}
/** A message of which pieces have come. */
interface Part {
    text: boolean;
    start: number;
    length: number;
    pieces: Uint8Array[];
    size: number;
    reserved: number;
}
/** A channel that the other side has opened: what may come on it, and what has come and waits. Numbers are costs in bytes, from the beginning on. */
declare class Inlet {
    #private;
    readonly id: number;
    /** Undefined for the one that is always there. */
    readonly name: string | undefined;
    readonly kind: string;
    /** Of a stream: this side's, of which it is the way back. */
    readonly answers: number;
    received: number;
    released: number;
    window: number;
    holds: number;
    told: number;
    pressed: boolean;
    /** Nothing more will come; what has come waits still. */
    closed: boolean;
    /** The end was lost. */
    dropped: boolean;
    /** Nobody wants it. */
    refused: boolean;
    part: Part | undefined;
    readonly waiting: Item[];
    /** Of an unreliable one, the newest message of each key, the one that was updated longest ago first. */
    readonly keys: Map<string, {
        sequence: number;
        item: Item;
    }>;
    constructor(all: Inbound, id: number, kind: string, name?: string, answers?: number);
    /** What waits, one after the other. */
    take(): Item | undefined;
    /** What came and waits is dropped, and so is what may come still; the other side is told so. */
    stop(): void;
    /** What may come in all. */
    get limit(): number;
}
/** The message in a frame of the unreliable data channel. Throws if it breaks the protocol. */
declare function lossyItem({ flags, payload }: Frame): Item;
/** Unreliable messages of a link that the application hasn't taken: bounded, and the newest of each key. */
declare class Lossy {
    /** Bytes. */
    used: number;
    /** Has a message wait, or take the place of one that does. Tells whether one waits more than before. */
    put({ keys, waiting }: Inlet, item: Item, sequence: number): boolean;
}
/** A link's channels to the other side. Each side numbers its own. */
declare class Outlets implements Source {
    #private;
    readonly outbox: Outbox;
    /** The longest message that the other side takes, once it has said so. */
    longest: number | undefined;
    /** The channel of this name; undefined is the one that is always there. */
    get(kind: Kind, name?: string): Outlet;
    /** A stream of its own, which opens at once. It may be the way back of one of the other side's. */
    stream(name: string, answers?: number): Outlet;
    /** A message of this size waits. Throws when too much does, or the link is ending. */
    enter(size: number): void;
    /** Something waits, and the end waits for it. */
    hold(size?: number): void;
    leave(size?: number): void;
    /** Gives an outlet an id, if the other side takes another channel now, and has none of this name. */
    claim(outlet: Outlet): number | undefined;
    /** An outlet takes nothing more. It may have something to send still. */
    forget(outlet: Outlet, empty: boolean): void;
    /** An outlet has closed. */
    closed({ key }: Outlet): void;
    /** Closes the channel of this name, after what waits in it. */
    close(kind: Kind, name: string): void;
    /** The other side has said what it takes. Only the first time counts. */
    hello({ message, channels }: {
        message: number;
        channels: number;
    }): void;
    /** The other side has so many frames, and takes more. */
    acknowledged({ frames, windows, opens }: Acknowledgement): void;
    /** Nobody reads this channel: what waits in it is dropped. The next send opens another. */
    stopped(id: number): void;
    /** The other side is to close a channel of its own. */
    stop(id: number): void;
    next(sequence: number): Uint8Array<ArrayBuffer> | undefined;
    /** Nobody may begin to send any more. Resolves when nothing waits that was begun. */
    drain(): Promise<void>;
    /** Nothing more may be sent. */
    end(): void;
}
declare const firstWindow = 262144;
declare const frameCost = 32;
declare const maxKey = 64;
interface SendOptions {
    /** Send it once, in no order, and don't mind if it is lost. */
    unreliable?: boolean;
    /** Gives up waiting. What has been sent of a long message is forgotten by the other side. */
    signal?: AbortSignal;
    /** Of an unreliable channel, 1 to 64 bytes: only the newest message of each key counts, here and there. */
    key?: string;
}
/** What a message of this length costs in all: its pieces are full, except for the last, and the first begins with the length. */
declare function costOf(length: number): number;
/** A message as bytes. */
interface Outgoing {
    bytes: Uint8Array;
    text: boolean;
    key: string | undefined;
}
/** Makes one of what an application wants to send. Throws a SnugError, code `too-long` for what nobody takes. */
declare function outgoing(data: string | Uint8Array, once?: boolean, key?: string): Outgoing;
/** A message that waits. settle may be called again, to no effect. */
interface Waiting extends Outgoing {
    at: number;
    start: number;
    settle(error?: unknown): void;
    settled: boolean;
}
/** A channel of this side's to the other, reliable: what is sent on it, in order. It opens when something is. */
declare class Outlet implements Source {
    #private;
    /** Undefined until it has begun to open. */
    id: number | undefined;
    /** Its last frame; 0 before that. */
    closedAt: number;
    /** What no other that is open may have; empty for streams. */
    readonly key: string;
    /** Why nobody may send any more. */
    ended: SnugError | undefined;
    /** Called when nothing more can be sent, with why. */
    failed: (error: SnugError) => void;
    protected items: Queue<Waiting>;
    protected all: Outlets;
    constructor(all: Outlets, key: string, opening: object);
    /** Resolves when all of it is kept for the other side. Rejects with a SnugError. */
    send(message: Outgoing, signal?: AbortSignal): Promise<void>;
    protected put(item: Waiting): void;
    /** It may have something to send. */
    ready(): void;
    next(sequence: number): Uint8Array<ArrayBuffer> | undefined;
    protected closing(sequence: number): Uint8Array<ArrayBuffer> | undefined;
    /** The other side takes so much in all. */
    grant(window: number): void;
    /** Nothing more is sent on it: after what waits, or instead of it. */
    close(error?: SnugError): void;
    /** Nothing more can be sent. */
    fail(error: SnugError): void;
}
/** Unreliable: each message is one frame, sent once. Only opening and closing are reliable. */
declare class LossyOutlet extends Outlet {
    #private;
    constructor(all: Outlets, key: string, opening: object);
    /** Takes the place of what waits with the same key. */
    protected put(item: Waiting): void;
    ready(): void;
    next(sequence: number): Uint8Array<ArrayBuffer> | undefined;
}
declare function gone(): SnugError;
/** What a channel carries: LINK.md, section 5. */
type Kind = 'messages' | 'unreliable' | 'stream';
declare function isKind(kind: string): kind is Kind;
/** Whether it can name a channel: 1 to 128 bytes without control characters. */
declare function isName(name: string): boolean;
/** First in, first out: to take one costs the same however many wait. */
declare class Queue<T> {
    #private;
    /** The first that waits. */
    get first(): T | undefined;
    push(item: T): void;
    shift(): T | undefined;
    /** Puts an item in the place of the first that meets the condition, and returns that. */
    replace(item: T, condition: (item: T) => boolean): T | undefined;
    /** Takes all. */
    clear(): T[];
}
/** Who sends frames. After each it is everybody else's turn. */
interface Source {
    /** Its next frame, which gets this sequence if it is reliable; undefined if it has none now. */
    next(sequence: number): Uint8Array<ArrayBuffer> | undefined;
}
/** Frames of a link, on their way out. Reliable ones are kept until the other side has them: another carrier sends them again. */
declare class Outbox {
    #private;
    /** Reliable frames, as long as the link lives. */
    sent: number;
    /** There is another carrier, or none for now. */
    use(carrier: Carrier | undefined): void;
    /** The carrier is open. Only on the first one it is known what is missing: everything. */
    open(): void;
    /** Drops what the other side has, so many frames in all, and begins to send what is missing. Throws if it can't have so many. */
    acknowledged(frames: number): void;
    /** A source has something to send. */
    ready(source: Source, id?: typeof reliable | typeof unreliable): void;
    /** Hands over what waits, as far as there is room. */
    flush(): void;
    /** Waits until something may be possible that wasn't. */
    look(): Promise<void>;
}
declare const maxFrame = 16384;
/** What fits into one frame. */
declare const maxPayload: number;
/** The longest message. */
declare const maxMessage: number;
declare const typeControl = 1;
declare const typeMessage = 2;
declare const typeOpen = 3;
declare const typeClose = 4;
declare const typeStop = 5;
declare const flagText = 1;
declare const flagMore = 2;
declare const flagDropped = 4;
declare const flagSized = 8;
declare const flagKeyed = 16;
interface Frame {
    type: number;
    flags: number;
    channel: number;
    sequence: number;
    payload: Uint8Array;
}
declare function bytesOf(payload: string | Uint8Array): Uint8Array;
/** Makes a frame; its payload is all of these, one after the other. */
declare function encodeFrame(type: number, flags: number, channel: number, sequence: number, ...payload: ArrayLike<number>[]): Uint8Array<ArrayBuffer>;
/** Decodes a frame, whatever it is for; its payload stays in data. Throws if its length is wrong. */
declare function decodeFrame(data: ArrayBuffer): Frame;
/** Whether this revision knows its type, and each of its flags. What isn't known is passed over. */
declare function isKnown({ type, flags }: Frame): boolean;
/** Text in UTF-8, decoded. Throws if it is none. */
declare function textOf(payload: Uint8Array): string;
/** A key as text; others may have keys that are none. */
declare function keyOf(bytes: Uint8Array): string;
/** The other side broke the protocol, which ends the link. */
declare function refused(): SnugError;
/** How much has come, and may come in all: frames of the reliable data channel, cost on each channel, channels opened. */
interface Acknowledgement {
    frames: number;
    windows: Record<string, number>;
    opens: number;
}
/** What is said on the control channel: LINK.md, section 5. */
type Control = {
    type: 'hello';
    message: number;
    channels: number;
} | ({
    type: 'ack';
} & Acknowledgement) | {
    type: 'bye';
    frames: number;
} | {
    type: 'verify' | 'verify-cancel';
    message: unknown;
} | {
    type: 'bye-ack';
} | {
    type: 'path';
    path: Path;
} | Signal;
/** Decodes a control message; undefined for unknown types, and for signals that break their rules. Throws if it is none. */
declare function decodeControl(text: string): Control | undefined;
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
interface ICE {
    servers: RTCIceServer[];
    expires?: number;
}
/** Decodes ICE servers. Those that some browser would refuse, and every PeerConnection with them, are left out with a warning. */
declare function decodeICE(m: Record<string, unknown>): ICE;
/** What a browser is in terms of what makes links work or fail alike: its engine. */
type Family = 'chromium' | 'firefox' | 'webkit' | 'other';
/** How an attempt to open a link came out: `opened`, or why it didn't, in the words of PROTOCOL.md, section 3. */
type Outcome = 'opened' | 'closed' | 'left' | 'self' | 'no-candidates' | 'no-turn' | 'turn' | 'ice' | 'dtls' | 'signaling' | 'timeout' | 'refused' | 'unknown';
/** Tells the hub of one attempt to open a link. It holds no address, and not who the other is. */
interface Report {
    outcome: Outcome;
    /** How its packets travel, if it opened. */
    path?: 'lan' | 'direct' | 'relay-udp' | 'relay-tcp' | 'relay-tls';
    /** ms until it was open. */
    time?: number;
}
/** What is asked of a Navigator. */
interface Agent {
    userAgent?: string;
    /** Client hints, which only Chromium has. */
    userAgentData?: {
        brands?: ReadonlyArray<{
            brand: string;
        }>;
    };
}
/** The family of a browser. On iOS every browser is WebKit, whatever it calls itself. */
declare function familyOf({ userAgent, userAgentData }: Agent): Family;
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
    identity?: unknown;
} | {
    type: 'answer';
    n: number;
    carrier: number;
    sdp: string;
    identity?: unknown;
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
    trust: Trusting;
    key: string;
    secret: string;
    entry: Record<string, unknown>;
}
declare function isSealed(room: string): boolean;
/** Makes sure that room and key belong together, before anything is sent, and seals name and metadata. */
declare function sealedBy(room: string, key: string | undefined, name: string, meta: Record<string, unknown>): Promise<Sealed>;
