import { PosternError } from "../../errors.ts";
import {
  MAX_CHUNK_DIGITS,
  MAX_CHUNK_LINE_OCTETS,
  MAX_FIELDS,
  MAX_HEAD_OCTETS,
  MAX_LENGTH_DIGITS,
  MAX_LINE_OCTETS,
  MAX_TRAILERS,
} from "./limits.ts";

/** A request up to its body. */
export interface RequestHead {
  readonly method: string;
  /** As sent: `/checkv2?x=1`. `""` for a request of {@link RequestHead.protocol} RSPAMC. */
  readonly target: string;
  /** RSPAMC is what Rspamd had before HTTP, and Exim still speaks; its requests look the same but for the first line. */
  readonly protocol: "HTTP/1.0" | "HTTP/1.1" | "RSPAMC";
  /** In their order; names in lower case, values as Latin-1. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Whether the client waits for 100 before it sends the body. */
  readonly expects: boolean;
  /** Whether the connection may be used for another request. */
  readonly keepAlive: boolean;
  /** Octets of the body where they were told. */
  readonly length?: number;
}

/** What a client sent. */
export type HttpEvent =
  | { readonly kind: "head"; readonly head: RequestHead }
  /** A piece of the body; valid until the next call. */
  | { readonly kind: "piece"; readonly octets: Uint8Array }
  | { readonly kind: "end" };

type State =
  | { readonly name: "start" } // the request's first line
  | { readonly name: "fields"; readonly first: Pick<RequestHead, "method" | "target" | "protocol"> }
  | { readonly name: "body"; readonly left: number }
  | { readonly name: "chunkLength" }
  | { readonly name: "chunk"; readonly left: number }
  | { readonly name: "chunkEnd" } // the line end behind a chunk
  | { readonly name: "trailers"; readonly count: number }
  | { readonly name: "ended" }; // a body of no octets: its end has not been told yet

const LF = 10;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Parts what a client sends into requests: RFC 9112. Where its length could be read in two ways, a request is refused (section 6.3).
 * Holds no more than a request's head, and once it has failed it stays failed.
 */
export class RequestDecoder {
  #state: State = { name: "start" };
  /** Made with the first octets: most connections are idle. */
  #line: Uint8Array | undefined;
  #length = 0;
  #head = 0;
  #fields: (readonly [string, string])[] = [];
  #failure: PosternError | undefined;

  /** Whether a request has begun and not ended. */
  get partial(): boolean {
    return this.#state.name !== "start" || this.#length > 0;
  }

  /**
   * Reads at most one event; octets after `used` stay with the caller. With no input left it may still have an event.
   *
   * @throws {PosternError} `wire/bad-frame` (400) for what is no request, `wire/too-long` (431) for a head past the limits.
   */
  take(input: Uint8Array): { readonly used: number; readonly event?: HttpEvent } {
    if (this.#failure) throw this.#failure;
    const state = this.#state;
    switch (state.name) {
      case "ended":
        return this.#end(0);
      case "body":
      case "chunk": {
        const octets = input.subarray(0, state.left);
        if (octets.length === 0) return { used: 0 };
        const left = state.left - octets.length;
        this.#state = left > 0
          ? { name: state.name, left }
          : state.name === "body"
          ? { name: "ended" }
          : { name: "chunkEnd" };
        return { used: octets.length, event: { kind: "piece", octets } };
      }
      default:
        return this.#takeLine(input);
    }
  }

  #takeLine(input: Uint8Array): { used: number; event?: HttpEvent } {
    if (input.length === 0) return { used: 0 };
    const state = this.#state;
    const inHead = state.name === "start" || state.name === "fields";
    const max = inHead || state.name === "trailers" ? MAX_LINE_OCTETS : MAX_CHUNK_LINE_OCTETS;
    const lf = input.indexOf(LF);
    const count = lf === -1 ? input.length : lf;
    if (this.#length + count > max) this.#fail("wire/too-long", "A line is too long");
    const held = this.#line ??= new Uint8Array(MAX_LINE_OCTETS);
    held.set(input.subarray(0, count), this.#length);
    this.#length += count;
    this.#head += count;
    if (inHead && this.#head > MAX_HEAD_OCTETS) {
      this.#fail("wire/too-long", "The header is too long");
    }
    if (lf === -1) return { used: count };
    const line = latin1.decode(held.subarray(0, this.#length)).replace(/\r$/, "");
    this.#length = 0;
    if (line.includes("\r") || line.includes("\0")) {
      this.#fail("wire/bad-frame", "A bare CR or NUL");
    }
    const used = count + 1;
    switch (state.name) {
      case "start":
        if (line === "") return { used }; // section 2.2
        this.#state = { name: "fields", first: this.#first(line) };
        return { used };
      case "fields":
        return this.#field(line, state.first, used);
      case "chunkEnd":
        if (line !== "") this.#fail("wire/bad-frame", "A chunk is longer than its length says");
        this.#state = { name: "chunkLength" };
        return { used };
      case "trailers":
        if (line === "") return this.#end(used);
        if (state.count >= MAX_TRAILERS) this.#fail("wire/too-long", "Too many trailers");
        this.#state = { name: "trailers", count: state.count + 1 };
        return { used };
      default: {
        const digits = /^([0-9A-Fa-f]+)[ \t]*(?:;.*)?$/.exec(line)?.[1];
        if (digits === undefined || digits.length > MAX_CHUNK_DIGITS) {
          this.#fail("wire/bad-frame", "A chunk without a length");
        }
        const left = Number.parseInt(digits, 16);
        this.#state = left === 0 ? { name: "trailers", count: 0 } : { name: "chunk", left };
        return { used };
      }
    }
  }

  #first(line: string): Pick<RequestHead, "method" | "target" | "protocol"> {
    const http = /^([A-Z]{1,20}) (\/[\x21-\x7e]*) (HTTP\/1\.[01])$/.exec(line);
    if (http) {
      const [, method = "", target = "", protocol] = http;
      return { method, target, protocol: protocol as "HTTP/1.0" | "HTTP/1.1" };
    }
    const legacy = /^([A-Z_]{1,20}) RSPAMC\/1\.\d$/.exec(line);
    if (legacy) return { method: legacy[1]!, target: "", protocol: "RSPAMC" };
    this.#fail("wire/bad-frame", "The first line is no request");
  }

  #field(
    line: string,
    first: Pick<RequestHead, "method" | "target" | "protocol">,
    used: number,
  ): { used: number; event?: HttpEvent } {
    if (line !== "") {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon);
      if (colon < 1 || !TOKEN.test(name)) this.#fail("wire/bad-frame", "A field without a name");
      if (this.#fields.length >= MAX_FIELDS) this.#fail("wire/too-long", "Too many fields");
      this.#fields.push([
        name.toLowerCase(),
        line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ""),
      ]);
      return { used };
    }
    const fields = this.#fields;
    this.#fields = [];
    this.#head = 0;
    return { used, event: { kind: "head", head: this.#whole(first, fields) } };
  }

  #whole(
    first: Pick<RequestHead, "method" | "target" | "protocol">,
    fields: readonly (readonly [string, string])[],
  ): RequestHead {
    const all = (name: string) => fields.filter((each) => each[0] === name).map((each) => each[1]);
    const lengths = [...new Set(all("content-length"))];
    const codings = all("transfer-encoding").join(",").toLowerCase();
    if (lengths.length > 1) this.#fail("wire/bad-frame", "Two lengths");
    const [length] = lengths;
    if (length !== undefined && (!/^\d+$/.test(length) || length.length > MAX_LENGTH_DIGITS)) {
      this.#fail("wire/bad-frame", "A length that is no number");
    }
    if (codings !== "" && codings !== "chunked") {
      this.#fail("wire/bad-frame", "A transfer coding that is not known");
    }
    if (codings !== "" && length !== undefined) this.#fail("wire/bad-frame", "Two lengths");
    this.#state = codings !== ""
      ? { name: "chunkLength" }
      : Number(length ?? 0) > 0
      ? { name: "body", left: Number(length) }
      : { name: "ended" };
    const connection = all("connection").join(",").toLowerCase();
    return {
      ...first,
      fields,
      expects: first.protocol === "HTTP/1.1" &&
        all("expect").some((value) => value.toLowerCase() === "100-continue"),
      keepAlive: first.protocol === "HTTP/1.1"
        ? !connection.includes("close")
        : first.protocol === "HTTP/1.0" && connection.includes("keep-alive"),
      ...(codings === "" ? { length: Number(length ?? 0) } : {}),
    };
  }

  #end(used: number): { used: number; event: HttpEvent } {
    this.#state = { name: "start" };
    return { used, event: { kind: "end" } };
  }

  #fail(code: "wire/bad-frame" | "wire/too-long", message: string): never {
    throw this.#failure = new PosternError(code, message);
  }
}

const latin1 = new TextDecoder("latin1");
