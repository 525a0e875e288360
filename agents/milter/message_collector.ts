import { Buffer } from "node:buffer";
import { freeOctets, growOctets } from "../../free_octets.ts";
import type { HeaderArgument } from "./arguments.ts";

const FIRST_OCTETS = 16 * 1024;
const CRLF = Buffer.from("\r\n");
const LF = 10;
const CR = 13;
const TAB = 9;
const COLON = Buffer.from(":");
const BLANK = Buffer.from(" ");

/** Puts a message together from the fields and body chunks of an MTA: as it came to the MTA, with CRLF. */
export class MessageCollector {
  readonly #maxOctets: number;
  /** Whether values come with the blank behind the colon. */
  readonly #leadingSpace: boolean;
  #octets: Uint8Array = new Uint8Array(FIRST_OCTETS);
  #length = 0;
  #inBody = false;
  #dropped = false;
  /** Header fields that came. */
  fields = 0;

  /** @param maxOctets Largest message; of a larger one nothing is kept. */
  constructor(maxOctets: number, leadingSpace: boolean) {
    this.#maxOctets = maxOctets;
    this.#leadingSpace = leadingSpace;
  }

  /** Octets held for the message now. */
  get capacity(): number {
    return this.#octets.length;
  }

  /** Whether the message was too large, or was told to be dropped. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** Whether the header is over. */
  get inBody(): boolean {
    return this.#inBody;
  }

  /**
   * A header field. Folds come as LF; the blank behind the colon, which the MTA has taken off unless told otherwise, is put back.
   * A tab or a fold there was not taken off.
   */
  field({ name, value }: HeaderArgument): void {
    this.fields++;
    this.#append(name);
    this.#append(COLON);
    if (!this.#leadingSpace && value.length > 0 && value[0] !== TAB && value[0] !== LF) {
      this.#append(BLANK);
    }
    let at = 0;
    for (let lf = value.indexOf(LF); lf !== -1; lf = value.indexOf(LF, lf + 1)) {
      this.#append(value.subarray(at, value[lf - 1] === CR ? lf - 1 : lf));
      this.#append(CRLF);
      at = lf + 1;
    }
    this.#append(value.subarray(at));
    this.#append(CRLF);
  }

  /** The header is over. Not every MTA says so; the first chunk or the end says it, too. */
  endHeader(): void {
    if (this.#inBody) return;
    this.#inBody = true;
    this.#append(CRLF);
  }

  /** Octets of the body, as they came. */
  body(chunk: Uint8Array): void {
    this.endHeader();
    this.#append(chunk);
  }

  /** Keeps nothing from here on. */
  drop(): void {
    this.#dropped = true;
    freeOctets(this.#octets);
    this.#octets = new Uint8Array(0);
    this.#length = 0;
  }

  /** The whole message. Call once, at its end. */
  message(): Uint8Array {
    this.endHeader();
    return this.#octets.subarray(0, this.#length);
  }

  #append(octets: Uint8Array): void {
    if (this.#dropped) return;
    const wanted = this.#length + octets.length;
    if (wanted > this.#maxOctets) return this.drop();
    if (wanted > this.#octets.length) {
      this.#octets = growOctets(this.#octets, this.#length, wanted);
    }
    this.#octets.set(octets, this.#length);
    this.#length = wanted;
  }
}
