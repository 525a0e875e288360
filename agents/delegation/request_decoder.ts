/**
 * Requests of Postfix's policy delegation protocol: lines `name=value` that end with LF, and an empty line after the last.
 * @see Postfix, SMTPD_POLICY_README
 */
import { PosternError } from "../../errors.ts";
import { MAX_LINE_OCTETS, MAX_LINES } from "./limits.ts";

/** Attributes of one request; of a name that comes twice the last. */
export type DelegationRequest = ReadonlyMap<string, string>;

const LF = 10;
const CR = 13;

/** Takes octets as they come and gives whole requests. Once it has failed it stays failed. */
export class RequestDecoder {
  #rest = new Uint8Array(0);
  #attributes = new Map<string, string>();
  #lines = 0;
  #failure: PosternError | undefined;

  /** Whether part of a request is held. */
  get partial(): boolean {
    return this.#rest.length > 0 || this.#lines > 0;
  }

  /**
   * @returns The requests that these octets end, in their order.
   * @throws {PosternError} `wire/too-long` for a line or a request without end, `wire/bad-frame` for a line without a name.
   */
  take(octets: Uint8Array): DelegationRequest[] {
    if (this.#failure) throw this.#failure;
    const all = new Uint8Array(this.#rest.length + octets.length);
    all.set(this.#rest);
    all.set(octets, this.#rest.length);
    const requests: DelegationRequest[] = [];
    let start = 0;
    for (let end = all.indexOf(LF); end >= 0; end = all.indexOf(LF, start)) {
      const line = all.subarray(start, all[end - 1] === CR && end > start ? end - 1 : end);
      start = end + 1;
      if (line.length > MAX_LINE_OCTETS) this.#fail("wire/too-long", "A line is too long");
      const request = this.#line(new TextDecoder().decode(line));
      if (request) requests.push(request);
    }
    this.#rest = all.slice(start);
    if (this.#rest.length > MAX_LINE_OCTETS) this.#fail("wire/too-long", "A line is too long");
    return requests;
  }

  #line(line: string): DelegationRequest | undefined {
    if (line === "") {
      const request = this.#attributes;
      const empty = this.#lines === 0;
      this.#attributes = new Map();
      this.#lines = 0;
      return empty ? undefined : request;
    }
    if (++this.#lines > MAX_LINES) this.#fail("wire/too-long", "A request has too many lines");
    const equals = line.indexOf("=");
    if (equals <= 0) this.#fail("wire/bad-frame", "A line of a request has no name");
    this.#attributes.set(line.slice(0, equals), line.slice(equals + 1));
    return undefined;
  }

  #fail(code: "wire/too-long" | "wire/bad-frame", message: string): never {
    throw this.#failure = new PosternError(code, message);
  }
}
