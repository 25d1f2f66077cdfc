type ErrorCode = 'invite' | 'unreachable' | 'not-a-hub' | 'no-webrtc' | 'origin' | 'gone' | 'too-long' | 'too-much' | 'aborted' | 'closed' | 'going-away' | 'slow' | 'full' | 'timeout' | 'malformed' | 'version' | 'room' | 'superseded' | 'order' | 'too-big';
/** An error with a code for programs; its message is a sentence for people. */
declare class SnugError extends Error {
    readonly name = "SnugError";
    /** An ErrorCode, or one that a newer hub says. */
    readonly code: ErrorCode | (string & {});
    /** How long to wait before trying again, in ms, if the hub said so. */
    readonly retry: number | undefined;
    /** Trying again won't help. */
    readonly final: boolean;
    constructor(code: ErrorCode | (string & {}), message: string, more?: {
        retry?: number | undefined;
        final?: boolean;
        cause?: unknown;
    });
}
/** Rejects, as fetch does, with what an AbortSignal was aborted for. */
declare function throwIfAborted(signal: AbortSignal | undefined): void;
/** What is wrong with a room's name: a sentence, or undefined. */
declare function checkRoom(name: string): string | undefined;
/** Reads an invite, HUB/r/ROOM. Throws a SnugError, code `invite`. */
declare function parseInvite(invite: string | URL): {
    hub: URL;
    room: string;
};
/** The invite to a room of a hub. */
declare function inviteTo(hub: URL | string, room: string): string;
/** Where the room's WebSocket is. */
declare function endpoint(hub: URL, room: string): URL;
/** Draws a name that can't be guessed: 60 random bits, such as k7wq-4fmx-3tba. */
declare function newRoomName(): string;
declare const subprotocol = "snug.v1";
type ToHub = {
    type: 'hello';
    secret: string;
    name: string;
    kind: string;
    meta: Record<string, unknown>;
} | {
    type: 'signal';
    to: string;
    body: unknown;
} | {
    type: 'ping';
};
/** A member as the roster has it. It doesn't change while the member is in the room. */
interface Entry {
    id: string;
    name: string;
    kind: string;
    meta: Record<string, unknown>;
    joined: number;
}
interface Departure {
    id: string;
    reason: string;
    n: number;
}
interface Roster {
    epoch: string;
    n: number;
    members: Entry[];
}
interface RosterChange {
    type: 'roster';
    epoch: string;
    n: number;
    left: Departure[];
    joined: Entry[];
}
interface Welcome {
    type: 'welcome';
    you: string;
    recovered: boolean;
    roster: Roster;
    ice: {
        servers: RTCIceServer[];
        expires?: number;
    };
    heartbeat: {
        ping: number;
        timeout: number;
    };
    limits: Record<string, number>;
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
} | {
    type: 'error';
    code: string;
    message: string;
    retry?: number;
} | {
    type: 'pong';
};
/** Decodes a message of the hub; undefined for types that this version doesn't know. Throws a SnugError. */
declare function decodeFromHub(text: string): FromHub | undefined;
declare function malformed(what: string): SnugError;
declare function parse(text: string): unknown;
declare function object(value: unknown): Record<string, unknown>;
declare function list(value: unknown, what: string): unknown[];
declare function string(value: unknown, what: string, empty?: boolean): string;
declare function count(value: unknown, what: string): number;
/** A member id: 16 bytes in base64url. */
declare function memberID(value: unknown): string;
/** Draws a session's secret. It is kept in memory and said to nobody but the hub. */
declare function newSecret(): string;
declare function base64url(bytes: Uint8Array): string;
/** Brings roster up to change, which may hold what is known already. Returns what that changed. */
declare function applyChange(roster: Roster, change: RosterChange): {
    left: Departure[];
    joined: Entry[];
};
interface Candidate {
    candidate: string;
    mid?: string;
    line?: number;
}
type Signal = {
    type: 'offer';
    n: number;
    sdp: string;
} | {
    type: 'answer';
    n: number;
    sdp: string;
} | {
    type: 'candidates';
    n: number;
    candidates: Candidate[];
    end?: boolean;
} | {
    type: 'need-offer';
    n: number;
};
declare const maxCandidatesInSignal = 64;
declare const maxCandidatesForOffer = 128;
/** Decodes the body of a signal; undefined for unknown types. Throws a SnugError. */
declare function decodeSignal(body: unknown): Signal | undefined;
/** Whether who says this has just made its link. */
declare function begins(signal: Signal): boolean;
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
/** Decodes a frame; undefined for those of later versions. Throws if it breaks the protocol. */
declare function decodeFrame(data: ArrayBuffer): Frame | undefined;
type Control = {
    type: 'bye';
    messages: number;
} | {
    type: 'bye-ack';
};
/** Decodes a control message; undefined for unknown types. Throws if it is none. */
declare function decodeControl(payload: string | Uint8Array): Control | undefined;
type HubState = {
    state: 'connecting';
} | {
    state: 'connected';
} | {
    state: 'waiting';
    retryAt: number;
    error: SnugError;
} | {
    state: 'closed';
    error?: SnugError;
};
interface HubHandlers {
    welcome(welcome: Welcome): void;
    message(message: Exclude<FromHub, Welcome>): void;
    /** The state changed. */
    state(): void;
}
/** Keeps up the connection to the hub, until close() or a refusal that is final. */
declare class Hub {
    #private;
    constructor(endpoint: URL, hello: ToHub, on: HubHandlers);
    get state(): HubState;
    send(message: ToHub): void;
    /** Makes sure that the connection isn't dead without having said so. */
    probe(): void;
    close(error?: SnugError): void;
}
type LinkState = 'connecting' | 'live' | 'shaky' | 'gone';
type Cause = 'closed' | 'left' | 'ice' | 'dtls' | 'signaling' | 'timeout' | 'refused' | 'self';
interface LinkHandlers {
    /** Sends a signal to the other member, if the hub is there. */
    signal(signal: Signal): void;
    hubAway(): boolean;
    /** The link has ended, and the other member has begun another with this signal. */
    anew(signal: Signal): void;
    changed(): void;
    message(data: string | Uint8Array, unreliable: boolean): void;
}
interface SendOptions {
    /** Send it once, in no order, and don't mind if it is lost. */
    unreliable?: boolean;
    signal?: AbortSignal;
}
/** The relation to one other member: LINK.md. */
declare class Link {
    #private;
    state: LinkState;
    cause: Cause | undefined;
    constructor(offerer: boolean, iceServers: RTCIceServer[], on: LinkHandlers);
    /** Takes a signal from the other member. */
    take(signal: Signal): void;
    /** Signals can travel again. */
    hubBack(): void;
    /** Waits while connecting or full; rejects with a SnugError when the link ends. */
    send(data: string | Uint8Array, options?: SendOptions): Promise<void>;
    /** Says bye, and waits until everything that was sent has arrived, for two seconds at most. */
    close(): Promise<void>;
    end(cause: Cause): void;
}
interface JoinOptions {
    /** What the member calls itself; at most 128 bytes. */
    name?: string;
    /** Public metadata; at most 1,024 bytes of JSON. */
    meta?: Record<string, unknown>;
    /** Aborts joining. */
    signal?: AbortSignal;
}
/** Somebody in the room, at one moment. */
interface Member extends Readonly<Entry> {
    /** Of the link to it. */
    readonly state: LinkState;
    /** Why the link is gone, if it is. */
    readonly cause?: Cause;
    /** The hub has lost it from sight, the link hasn't. */
    readonly away: boolean;
}
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
/**
 * Joins the room of an invite. Rejects with a SnugError at the first failure;
 * afterwards the room goes back to its hub by itself.
 */
declare function join(invite: string | URL, options?: JoinOptions): Promise<Room>;
/**
 * A membership in a room. Emits `members` when something in members changed,
 * `message` (RoomMessageEvent), `hub` when hub changed, and at last `end` (EndEvent).
 */
declare class Room extends EventTarget {
    #private;
    /** The room's name. */
    readonly name: string;
    /** What lets others in. */
    readonly invite: string;
    /** For join(). */
    constructor(hub: URL, name: string, { name: own, meta }: JoinOptions);
    /** For join(): resolves with the first welcome. */
    joined(signal: AbortSignal | undefined): Promise<void>;
    /** This member. */
    get self(): Readonly<Entry>;
    /** The others, in the order of joining. */
    get members(): readonly Member[];
    get hub(): HubState;
    /** Sends to one member. Waits while the link is connecting or full; rejects with a SnugError when it ends. */
    send(to: string, data: string | Uint8Array, options?: SendOptions): Promise<void>;
    /** Sends to everybody who is in the room now. Resolves when it is handed over to all; who leaves meanwhile is passed over. */
    broadcast(data: string | Uint8Array, options?: SendOptions): Promise<void>;
    /** Leaves: everything sent before has arrived then, or two seconds have passed. */
    leave(): Promise<void>;
}
/** A reference to another message; `author` is left out if it is the message's own. */
interface Ref {
    rel: string;
    id: string;
    author?: string;
}
/** Something that somebody wrote: LINK.md, section 5. */
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
/** A conversation in a room, as page, terminal and bots have it. Emits `message`, a ChatMessageEvent. */
declare class Chat extends EventTarget {
    #private;
    readonly room: Room;
    constructor(room: Room);
    /**
     * Says something to everybody who is in the room now. The message is returned at
     * once; `sent` settles when it is handed over to all of them. Throws a SnugError,
     * code `too-long`, above maxBody bytes.
     */
    send(body: string, refs?: Ref[]): {
        message: ChatMessage;
        sent: Promise<void>;
    };
    /** Stops listening; the room goes on. */
    close(): void;
}
export { Chat, ChatMessageEvent, maxBody }
export type { ChatMessage, Ref }
export { SnugError }
export type { ErrorCode }
export { maxMessage }
export type { HubState }
export { checkRoom, inviteTo, newRoomName, parseInvite }
export type { Cause, LinkState, SendOptions }
export { EndEvent, join, RoomMessageEvent, Room }
export type { JoinOptions, Member }
