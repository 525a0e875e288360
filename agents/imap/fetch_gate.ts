import type { ClientOutput } from "./client_output.ts";
import type { FetchedItem, FetchHandler } from "./fetch_response.ts";
import { piecesToOctets } from "./fetch_response.ts";
import { asksForUid, type FetchRequest } from "./fetch_request.ts";
import { latin1, type Piece } from "./pieces.ts";
import { answerKey, type Item, itemClass } from "./sections.ts";
import type { Shown } from "./verdict_cache.ts";

/** What the gate goes by. */
export interface GateView {
  /** What the client has asked for; absent where nothing of a message was asked for. */
  readonly request?: FetchRequest;
  /** What is known of a message; `undefined` where it was not scanned. */
  known(uid: number): Shown | undefined;
  /** Whether what lists show of messages that were not scanned passes. */
  readonly overview: boolean;
  /** Something of a message was held back, as it was not scanned. */
  heldBack(uid: number | undefined, item: Item): void;
  /**
   * The header of a message that was not scanned has lines that are no fields, so that the server's reading of it is not everyone's:
   * there may be content in what it calls a header. Nothing of the message passes until it was scanned.
   */
  later?(number: number, uid: number): void;
  /** Asks for room for the literals that came before the UID, octets together. */
  room(octets: number): Promise<boolean>;
}

/**
 * Passes one FETCH response to the client, item by item. Nothing that shows content passes but of a message that is known to be
 * scanned and unchanged; of one that was changed the item is made of what it was changed to. It does not matter how the client
 * asked, nor whether it did.
 */
export class FetchGate implements FetchHandler {
  readonly #output: ClientOutput;
  readonly #view: GateView;
  readonly #number: number;
  readonly #held: FetchedItem[] = [];
  /** Items of the request by what their answers are called: for the number of octets of a partial one. */
  #asked: Map<string, Item[]> | undefined;
  #uid: number | undefined;
  #begun = false;
  #written = 0;
  #heldOctets = 0;

  /** @param number Message sequence number of the response. */
  constructor(output: ClientOutput, view: GateView, number: number) {
    this.#output = output;
    this.#view = view;
    this.#number = number;
  }

  async literal(
    item: Item,
    written: readonly Piece[],
    size: number,
    binary: boolean,
  ): Promise<"hold" | "stream" | "drop"> {
    if (itemClass(item) !== "content") return "hold";
    if (this.#uid === undefined) {
      this.#heldOctets += size;
      return await this.#view.room(this.#heldOctets) ? "hold" : "drop";
    }
    if (!this.#view.request || this.#known() !== "unchanged") return "drop";
    this.#flush(true);
    this.#write([...written, ` ${binary ? "~" : ""}{${size}}\r\n`]);
    return "stream";
  }

  async streamed(octets: Uint8Array): Promise<void> {
    this.#output.push(octets.slice());
    await this.#output.relieve();
  }

  item(fetched: FetchedItem): void {
    const { item, value } = fetched;
    if (item.name === "UID" && typeof value?.[0] === "string") {
      const uid = Number(value[0]);
      this.#uid = this.#uid === undefined || this.#uid === uid ? uid : NaN; // whose it is is not known
    }
    const streamed = value === undefined && this.#begun && this.#known() === "unchanged" &&
      itemClass(item) === "content";
    if (!streamed) this.#held.push(fetched);
  }

  async end(): Promise<void> {
    const { later } = this.#view;
    if (this.#uid && this.#known() === undefined && this.#held.some(hidesContent)) {
      if (later) return later(this.#number, this.#uid);
      this.#withhold(); // it could not be scanned
    }
    this.#flush(this.#begun || this.#held.some(({ item }) => itemClass(item) !== "plain"));
    if (this.#begun) {
      this.#output.push(")\r\n");
      this.#output.end();
    }
    await this.#output.relieve();
  }

  /** Takes out all that shows anything of the message: what its server calls a header may be the whole of it. */
  #withhold(): void {
    const plain = this.#held.filter(({ item }) => itemClass(item) === "plain");
    for (const { item } of this.#held) {
      if (itemClass(item) !== "plain") this.#view.heldBack(this.#uid, item);
    }
    this.#held.splice(0, this.#held.length, ...plain);
  }

  #known(): Shown | undefined {
    return this.#uid === undefined ? undefined : this.#view.known(this.#uid);
  }

  /**
   * Writes what is held, each item as it may pass.
   *
   * @param shows Whether the response has more than flags and numbers, and so answers what was asked.
   */
  #flush(shows: boolean): void {
    const { request } = this.#view;
    for (const fetched of this.#held) {
      const { item, written } = fetched;
      // A UID that the gate has asked for is for the gate alone; one that the server tells by itself passes.
      if (item.name === "UID" && shows && request && !asksForUid(request)) continue;
      const value = this.#passing(fetched);
      if (value) this.#write([...written, " ", ...value]);
      else this.#view.heldBack(this.#uid, item);
    }
    this.#held.length = 0;
  }

  #passing({ item, value }: FetchedItem): readonly Piece[] | undefined {
    const kind = itemClass(item);
    if (kind === "plain") return value;
    if (!this.#view.request) return undefined;
    const known = this.#known();
    if (known === "unchanged") return value;
    if (known) return known.value(item, this.#countOf(item));
    return kind === "overview" && this.#view.overview ? value : undefined;
  }

  #countOf(item: Item): number | undefined {
    if (item.origin === undefined) return undefined;
    if (!this.#asked) {
      this.#asked = new Map();
      for (const asked of this.#view.request?.items ?? []) {
        const key = answerKey(asked);
        this.#asked.set(key, [...this.#asked.get(key) ?? [], asked]);
      }
    }
    const asked = this.#asked.get(answerKey(item));
    return (asked && asked.length > 1 ? asked.shift() : asked?.[0])?.count;
  }

  #write(pieces: readonly Piece[]): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#output.begin();
      this.#output.push(`* ${this.#number} FETCH (`);
    }
    if (this.#written++ > 0) this.#output.push(" ");
    this.#output.push(piecesToOctets(pieces));
  }
}

/** Whether an item is a whole header, or part of one, that is not made of fields alone. */
function hidesContent({ item: { name, section, origin }, value }: FetchedItem): boolean {
  const whole = name === "RFC822.HEADER" ||
    name === "BODY" && section?.part.length === 0 &&
      (section.text === "HEADER" || section.text === "HEADER.FIELDS.NOT");
  if (!whole) return false;
  const [header] = value ?? [];
  return origin !== undefined || typeof header !== "object" || !isPlainHeader(header.octets);
}

/** Whether a header is made of fields, and ends with the empty line. */
export function isPlainHeader(header: Uint8Array): boolean {
  let first = true;
  for (let at = 0; at < header.length;) {
    const lf = header.indexOf(10, at);
    if (lf === -1) return false;
    if (lf === at || lf === at + 1 && header[at] === 13) return lf === header.length - 1;
    const folded = header[at] === 32 || header[at] === 9;
    if (folded ? first : !FIELD.test(latin1(header.subarray(at, Math.min(lf, at + 200))))) {
      return false;
    }
    first = false;
    at = lf + 1;
  }
  return false;
}

const FIELD = /^[!-9;-~]+[ \t]*:/;
