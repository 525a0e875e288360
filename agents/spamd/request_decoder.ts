import { PosternError } from "../../errors.ts";
import { MAX_FIELDS, MAX_LENGTH_DIGITS, MAX_LINE_OCTETS, MAX_USER } from "./limits.ts";

/** What spamd is asked (spamd/PROTOCOL). */
export const METHODS = [
  "CHECK",
  "SYMBOLS",
  "REPORT",
  "REPORT_IFSPAM",
  "PROCESS",
  "HEADERS",
  "PING",
  "SKIP",
  "TELL",
] as const;
/** One of {@link METHODS}. */
export type Method = (typeof METHODS)[number];

/** A request up to its message. */
export interface SpamdRequest {
  readonly method: Method;
  /** Of the protocol: 1.5 is 15. */
  readonly version: number;
  /** Octets of the message as they are sent; absent where it ends with the stream. */
  readonly contentLength?: number;
  readonly user?: string;
  /** Whether the message is sent in zlib's format. */
  readonly compressed: boolean;
}

const LF = 10;

/**
 * Reads the header of a request: `CHECK SPAMC/1.5`, fields, an empty line. Holds no more than a line, and once it has failed it
 * stays failed.
 */
export class RequestDecoder {
  readonly #line = new Uint8Array(MAX_LINE_OCTETS);
  #length = 0;
  #fields = 0;
  #request: SpamdRequest | undefined;
  #failure: PosternError | undefined;

  /**
   * Takes what it needs; octets after `used` stay with the caller, and those after a request are its message.
   *
   * @throws {PosternError} `wire/bad-frame` for what spamd would not take either; the message is what the client is told.
   */
  take(input: Uint8Array): { readonly used: number; readonly request?: SpamdRequest } {
    if (this.#failure) throw this.#failure;
    const lf = input.indexOf(LF);
    const end = lf === -1 ? input.length : lf;
    if (this.#length + end > this.#line.length) this.#fail("(line too long)");
    this.#line.set(input.subarray(0, end), this.#length);
    this.#length += end;
    if (lf === -1) return { used: end };
    const line = new TextDecoder("latin1").decode(this.#line.subarray(0, this.#length))
      .replace(/\r$/, "");
    this.#length = 0;
    const whole = this.#read(line);
    return whole ? { used: end + 1, request: whole } : { used: end + 1 };
  }

  #read(line: string): SpamdRequest | undefined {
    if (!this.#request) return this.#begin(line);
    if (line === "") return this.#request;
    if (++this.#fields > MAX_FIELDS) this.#fail("(too many headers)");
    const match = /^([^:]+):[ \t]*(.*)$/s.exec(line);
    if (!match) this.#fail("(header not in 'Name: value' format)");
    this.#request = this.#field(this.#request, match[1]!.trim().toLowerCase(), match[2]!.trim());
    return undefined;
  }

  #begin(line: string): SpamdRequest | undefined {
    const match = /^([A-Z_]+) SPAMC\/(\d{1,2})\.(\d)$/.exec(line);
    const method = METHODS.find((each) => each === match?.[1]);
    if (!match || !method) this.#fail(printable(line));
    this.#request = {
      method,
      version: Number(match[2]) * 10 + Number(match[3]),
      compressed: false,
    };
    // Before 1.5 these two have no header at all.
    const short = method === "PING" || method === "SKIP";
    return short && this.#request.version < 15 ? this.#request : undefined;
  }

  #field(request: SpamdRequest, name: string, value: string): SpamdRequest {
    switch (name) {
      case "content-length":
        if (!/^\d+$/.test(value) || value.length > MAX_LENGTH_DIGITS) {
          this.#fail("(Content-Length contains non-numeric bytes)");
        }
        if (request.contentLength !== undefined && request.contentLength !== Number(value)) {
          this.#fail("(two Content-Length headers that differ)");
        }
        return { ...request, contentLength: Number(value) };
      case "user":
        if (/\p{Cc}/u.test(value) || value.length > MAX_USER) {
          this.#fail("(User header contains control chars)");
        }
        return { ...request, user: value };
      case "compress":
        if (!/^zlib$/i.test(value)) {
          this.#fail(`(compression type not supported: ${printable(value)})`);
        }
        return { ...request, compressed: true };
      default:
        return request; // what later versions add is ignored
    }
  }

  #fail(message: string): never {
    throw this.#failure = new PosternError("wire/bad-frame", message);
  }
}

/** As much of a client's line as is safe to say again. */
function printable(line: string): string {
  return line.replace(/[^\x20-\x7e]+/g, "?").slice(0, 100);
}
