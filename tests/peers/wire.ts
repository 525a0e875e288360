/** Octets of a connection, read by line, by count or to the end of DATA. Used by the test's own client and sink. */
import { Buffer } from "node:buffer";

/** End of DATA: RFC 5321, section 4.1.1.4. */
const END_OF_DATA = Buffer.from("\r\n.\r\n");

/** The other side closed before what was waited for came. */
export class Closed extends Error {
  override readonly name = "Closed";
}

/** A connection with what was read of it and not yet taken. */
export class Wire {
  #connection: Deno.Conn;
  #held = Buffer.alloc(0);

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Octets that came and were not taken yet. */
  get held(): Uint8Array {
    return this.#held;
  }

  /** Continues on another connection (after STARTTLS). What is held is dropped: RFC 3207, section 4.2. */
  replace(connection: Deno.Conn): void {
    this.#connection = connection;
    this.#held = Buffer.alloc(0);
  }

  /** Below, for TLS. */
  get connection(): Deno.Conn {
    return this.#connection;
  }

  async #more(): Promise<void> {
    const chunk = new Uint8Array(65536);
    let count: number | null;
    try {
      count = await this.#connection.read(chunk);
    } catch (error) {
      throw new Closed("The connection broke", { cause: error });
    }
    if (count === null) throw new Closed("The other side closed");
    const fresh = chunk.subarray(0, count);
    this.#held = this.#held.length === 0 ? Buffer.from(fresh) : Buffer.concat([this.#held, fresh]);
  }

  #take(count: number): Buffer {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  /** One line without its CRLF, as Latin-1 so that no octet is lost. @throws {Closed} */
  async line(): Promise<string> {
    let end = this.#held.indexOf("\r\n");
    while (end < 0) {
      await this.#more();
      end = this.#held.indexOf("\r\n");
    }
    const line = this.#take(end + 2);
    return line.subarray(0, end).toString("latin1");
  }

  /** Exactly `count` octets (BDAT). @throws {Closed} */
  async exactly(count: number): Promise<Uint8Array> {
    while (this.#held.length < count) await this.#more();
    return this.#take(count);
  }

  /**
   * Octets of DATA up to its end, dots still doubled, with the last CRLF and without the lone dot.
   *
   * @param progress Called with the octets there so far, before more are waited for; what it throws ends the reading.
   * @throws {Closed}
   */
  async data(progress?: (octets: number) => void): Promise<Uint8Array> {
    // The CRLF of the DATA command is the first one of an empty message's end.
    const chunks: Buffer[] = [];
    let size = 0;
    let tail = Buffer.from("\r\n");
    while (true) {
      const fresh = this.#held;
      const seam = Buffer.concat([tail, fresh.subarray(0, END_OF_DATA.length - 1)]);
      const inSeam = seam.indexOf(END_OF_DATA);
      const inFresh = fresh.indexOf(END_OF_DATA);
      // Octets of `fresh` up to and with the end.
      let used = -1;
      if (inSeam >= 0) used = inSeam + END_OF_DATA.length - tail.length;
      else if (inFresh >= 0) used = inFresh + END_OF_DATA.length;
      if (used >= 0) {
        chunks.push(this.#take(used));
        const whole = Buffer.concat(chunks);
        return whole.subarray(0, whole.length - 3);
      }
      chunks.push(fresh);
      size += fresh.length;
      tail = Buffer.concat([tail, fresh.subarray(-(END_OF_DATA.length - 1))])
        .subarray(-(END_OF_DATA.length - 1));
      this.#held = Buffer.alloc(0);
      progress?.(size);
      await this.#more();
    }
  }

  /** Writes all. @throws {Closed} */
  async write(octets: string | Uint8Array): Promise<void> {
    let rest: Uint8Array = typeof octets === "string" ? Buffer.from(octets, "latin1") : octets;
    try {
      while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
    } catch (error) {
      throw new Closed("The connection broke", { cause: error });
    }
  }

  /** Closes; does nothing when it is closed already. */
  close(): void {
    try {
      this.#connection.close();
    } catch {
      // Closed by the other side's reset, or by a TLS connection made of it.
    }
  }
}

/** Doubles the dots at the begin of lines: RFC 5321, section 4.5.2. Lines end with CRLF. */
export function stuffDots(message: Uint8Array): Uint8Array {
  const source = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (source[0] !== 0x2e && !source.includes("\r\n.")) return source;
  const chunks: Uint8Array[] = [];
  if (source[0] === 0x2e) chunks.push(Buffer.from("."));
  let from = 0;
  for (let at = source.indexOf("\r\n."); at >= 0; at = source.indexOf("\r\n.", at + 2)) {
    chunks.push(source.subarray(from, at + 2), Buffer.from("."));
    from = at + 2;
  }
  chunks.push(source.subarray(from));
  return Buffer.concat(chunks);
}

/** Takes the doubled dots away. */
export function unstuffDots(stuffed: Uint8Array): Uint8Array {
  const source = Buffer.from(stuffed.buffer, stuffed.byteOffset, stuffed.byteLength);
  const chunks: Uint8Array[] = [];
  let from = source[0] === 0x2e ? 1 : 0;
  for (let at = source.indexOf("\r\n.", 0); at >= 0; at = source.indexOf("\r\n.", at + 2)) {
    chunks.push(source.subarray(from, at + 2));
    from = at + 3;
  }
  chunks.push(source.subarray(from));
  return Buffer.concat(chunks);
}

/** Whether a CR stands without LF after it, or an LF without CR before it. */
export function hasBareLineEnd(octets: Uint8Array): boolean {
  for (let at = octets.indexOf(0x0a); at >= 0; at = octets.indexOf(0x0a, at + 1)) {
    if (octets[at - 1] !== 0x0d) return true;
  }
  for (let at = octets.indexOf(0x0d); at >= 0; at = octets.indexOf(0x0d, at + 1)) {
    if (octets[at + 1] !== 0x0a) return true;
  }
  return false;
}
