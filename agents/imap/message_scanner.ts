import type { DecisionTree } from "../../policy/tree.ts";
import { describe } from "../describe.ts";
import type { MailboxAnswer, MailboxClient } from "../mailbox/gate.ts";
import { ChangedMessage } from "./changed_message.ts";
import type { ImapContext, ImapSettings } from "./context.ts";
import type { FetchedItem, FetchHandler } from "./fetch_response.ts";
import { SCAN_HELD_OCTETS, SCANS_AT_ONCE } from "./limits.ts";
import { octetsOf, type Piece } from "./pieces.ts";
import type { Item } from "./sections.ts";
import type { Shown } from "./verdict_cache.ts";

/** What scanning messages needs to know of the session. */
export interface ScanSession {
  readonly context: ImapContext;
  readonly settings: ImapSettings;
  readonly client: MailboxClient;
  /** Names a message of the selected mailbox in the cache. */
  cacheKey(uid: number): string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** Scans messages while they come, some at once. */
export class MessageScanner {
  readonly #session: ScanSession;
  /** The policy that all of them are scanned under. */
  readonly #tree: DecisionTree;
  /** Whether octets as they were before they were written as text are asked for. */
  readonly #binary: boolean;
  /** What is known by now. */
  readonly known = new Map<number, Shown>();
  /** Messages that are not shown now, and why; with a response code where UNAVAILABLE is not the right one. */
  readonly deferred = new Map<number, string>();
  readonly #running = new Set<Promise<void>>();
  #held = 0;

  /** @param binary Whether items of BINARY are asked for. */
  constructor(session: ScanSession, binary: boolean) {
    this.#session = session;
    this.#binary = binary;
    this.#tree = session.context.ports.policy();
  }

  /** Whether a message is known from before. */
  recall(uid: number): boolean {
    if (this.known.has(uid)) return true;
    const { cache } = this.#session.context;
    const key = this.#session.cacheKey(uid);
    let known = cache.get(key, this.#tree);
    if (known === "unchangedAsText") {
      known = this.#binary ? cache.get(asBinary(key), this.#tree) : "unchanged";
    }
    if (known === undefined || known === "unchangedAsText") return false;
    this.known.set(uid, known);
    return true;
  }

  /**
   * Asks for room for a message; waits for others of this session to be done with first, where there is none.
   *
   * @returns why there is none.
   */
  async room(octets: number): Promise<string | undefined> {
    const { context: { ports }, settings } = this.#session;
    if (octets > settings.messageSize) return "[LIMIT] Message is too large to be scanned";
    while (this.#running.size >= SCANS_AT_ONCE || this.#held + octets > SCAN_HELD_OCTETS) {
      if (this.#running.size === 0) break;
      await Promise.race(this.#running);
    }
    while (!await ports.reserve(octets)) {
      if (this.#running.size === 0) return "Too much mail at once, try again later";
      await Promise.race(this.#running);
    }
    this.#held += octets;
    return undefined;
  }

  /** Gives room back that no message came for. */
  giveBack(octets: number): void {
    this.#held -= octets;
    this.#session.context.ports.release(octets);
  }

  /** Scans a message that there is room for, and gives the room back. */
  scan(uid: number, message: Uint8Array): void {
    const run = this.#scan(uid, message).finally(() => {
      this.giveBack(message.length);
      this.#running.delete(run);
    });
    this.#running.add(run);
  }

  /** Resolves when no scan runs any more. */
  async done(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Waits for scans that run, and gives back the room of a message that broke off. */
  async close(): Promise<void> {
    await this.done();
    if (this.#held > 0) this.giveBack(this.#held);
  }

  async #scan(uid: number, message: Uint8Array): Promise<void> {
    const { context, settings, client, signal } = this.#session;
    context.counts.messages++;
    let answer: MailboxAnswer;
    try {
      answer = await context.gate.pass(client, message, signal);
    } catch (error) {
      if (!signal.aborted) {
        context.ports.log("error", "Cannot handle a message; it waits", {
          listener: settings.listener,
          uid,
          error: describe(error),
        });
      }
      this.deferred.set(uid, "Try again later");
      return;
    }
    if (answer.kind === "later") {
      context.counts.deferred++;
      if (settings.deferred === "notice") this.known.set(uid, waiting(answer.text, client));
      else this.deferred.set(uid, answer.text);
      return; // asked again, it is scanned again
    }
    const known = knownOf(answer, message);
    if (known !== "unchanged") context.counts.changed++;
    const asText = known === "unchanged" && message.includes(FOR_NUL);
    const scanned = asText && this.#binary ? new ChangedMessage(message) : undefined;
    this.known.set(uid, scanned ?? known);
    if (context.ports.policy() !== this.#tree) return; // it may have come from the new one
    const { cache } = context;
    const key = this.#session.cacheKey(uid);
    await cache.set(key, asText ? "unchangedAsText" : known, this.#tree);
    if (scanned) await cache.set(asBinary(key), scanned, this.#tree);
  }
}

function knownOf(answer: MailboxAnswer, message: Uint8Array): Shown {
  if (answer.kind !== "message") return new ChangedMessage(new Uint8Array(0));
  return answer.message === message ? "unchanged" : new ChangedMessage(answer.message);
}

/** Names what was scanned of a message in the cache, beside what is known of it. */
function asBinary(key: string): string {
  return `${key} BINARY`;
}

/** What a server writes for a NUL where there can be none (RFC 9051, section 4.3: in all but the literals of BINARY). */
const FOR_NUL = 128;

/** Stands for a message until it can be scanned. Nothing in it is the sender's. */
function waiting(text: string, { hostname }: MailboxClient): ChangedMessage {
  const name = hostname.replace(/[^A-Za-z0-9.-]/g, "_");
  return new ChangedMessage(octetsOf(
    `From: Postern <postmaster@${name}>\r\n` +
      "Subject: This message waits to be checked\r\n" +
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" +
      "Auto-Submitted: auto-generated\r\n\r\n" +
      `The mail gateway could not check this message yet: ${text}\r\nOpen it again later.\r\n`,
  ));
}

/** Takes the whole messages out of FETCH responses; what else is in them is for the client. */
export class WholeMessageHandler implements FetchHandler {
  readonly #scanner: MessageScanner;
  readonly #rest: FetchHandler;
  #uid: number | undefined;
  #message: Uint8Array | undefined;
  #at = 0;

  /** @param rest Gets the flags that a server tells of by the way. */
  constructor(scanner: MessageScanner, rest: FetchHandler) {
    this.#scanner = scanner;
    this.#rest = rest;
  }

  async literal(
    item: Item,
    _written: readonly Piece[],
    size: number,
  ): Promise<"hold" | "stream" | "drop"> {
    if (!isWhole(item)) return "hold";
    const refused = await this.#scanner.room(size);
    if (refused !== undefined) {
      this.#refused = refused;
      return "drop";
    }
    this.#message = new Uint8Array(size);
    return "stream";
  }

  #refused: string | undefined;

  streamed(octets: Uint8Array): Promise<void> {
    this.#message!.set(octets, this.#at);
    this.#at += octets.length;
    return Promise.resolve();
  }

  item(fetched: FetchedItem): void {
    const { item, value } = fetched;
    if (item.name === "UID" && typeof value?.[0] === "string") this.#uid = Number(value[0]);
    else if (isWhole(item)) {
      // A short message may come quoted.
      const text = value?.[0];
      if (typeof text === "string" && text.startsWith('"')) {
        this.#quoted = octetsOf(text.slice(1, -1).replace(/\\(.)/gs, "$1"));
      }
      return;
    }
    if (item.name === "FLAGS") this.#tells = true;
    this.#others.push(fetched);
  }

  #quoted: Uint8Array | undefined;
  #tells = false;
  readonly #others: FetchedItem[] = [];

  async end(): Promise<void> {
    const uid = this.#uid;
    if (uid !== undefined && this.#refused !== undefined) {
      this.#scanner.deferred.set(uid, this.#refused);
    } else if (uid !== undefined && this.#message) this.#scanner.scan(uid, this.#message);
    else if (this.#message) this.#scanner.giveBack(this.#message.length);
    else if (uid !== undefined && this.#quoted) {
      const refused = await this.#scanner.room(this.#quoted.length);
      if (refused === undefined) this.#scanner.scan(uid, this.#quoted);
      else this.#scanner.deferred.set(uid, refused);
    }
    if (!this.#tells) return;
    for (const other of this.#others) this.#rest.item(other);
    await this.#rest.end();
  }
}

function isWhole({ name, section, origin }: Item): boolean {
  return name === "BODY" && section !== undefined && section.part.length === 0 &&
    section.text === undefined && origin === undefined;
}

/** Takes UIDs out of FETCH responses; flags in them are for the client. */
export class UidHandler implements FetchHandler {
  readonly #found: (uid: number, tellsFlags: boolean) => void;
  readonly #rest: FetchHandler;
  readonly #items: FetchedItem[] = [];

  constructor(found: (uid: number, tellsFlags: boolean) => void, rest: FetchHandler) {
    this.#found = found;
    this.#rest = rest;
  }

  literal(): "drop" {
    return "drop"; // none of what was asked for is one
  }

  streamed(): Promise<void> {
    return Promise.resolve();
  }

  item(fetched: FetchedItem): void {
    this.#items.push(fetched);
  }

  async end(): Promise<void> {
    const tellsFlags = this.#items.some(({ item }) => item.name === "FLAGS");
    const uid = this.#items.find(({ item }) => item.name === "UID")?.value?.[0];
    if (typeof uid === "string" && /^[1-9]\d{0,9}$/.test(uid)) this.#found(Number(uid), tellsFlags);
    if (!tellsFlags) return;
    for (const item of this.#items) this.#rest.item(item);
    await this.#rest.end();
  }
}
