/** Servers that speak ICAP (RFC 3507): the message is given as the content of an HTTP answer or request. */
import { PosternError } from "../../errors.ts";
import type { WireStream } from "../../agents/stream.ts";
import { type EngineAnswer, found, silent } from "./answer.ts";
import type { Connect } from "./connect.ts";
import { isSameBody, writeChunks, writeLastChunk } from "./icap_body.ts";
import { encapsulated, field, type Head, listField, parseHead } from "./icap_head.ts";
import { icapInfections } from "./icap_infections.ts";
import {
  MAX_HEAD_OCTETS,
  MAX_PREVIEW_OCTETS,
  OPTIONS_DEFAULT_MS,
  OPTIONS_KEEP_MS,
} from "./limits.ts";
import { OctetReader } from "./octet_reader.ts";

/** A service. */
export interface IcapService {
  /** `icap://HOST:PORT/SERVICE`, as it is asked for. */
  readonly url: string;
  readonly method: "respmod" | "reqmod";
  /** Whether only a preview is sent first, where the server wants one. */
  readonly preview: boolean;
}

/** What a server says of itself. */
interface IcapOptions {
  /** Octets of a preview; absent where it wants none. */
  readonly preview?: number;
  /** Milliseconds since 1970 until which this is believed. */
  readonly until: number;
}

/** Where a service listens, `HOST:PORT`. */
export function icapAddress(url: string): string {
  const authority = /^icap:\/\/([^/]+)/.exec(url)?.[1] ?? "";
  return /:\d+$/.test(authority) ? authority : `${authority}:1344`;
}

const encoder = new TextEncoder();
const END = encoder.encode("\r\n\r\n");

/** One service, and what it said of itself. */
export class IcapClient {
  readonly #service: IcapService;
  readonly #connect: Connect;
  readonly #now: () => number;
  #options: IcapOptions | undefined;
  #asking: Promise<IcapOptions> | undefined;

  constructor(service: IcapService, connect: Connect, now: () => number = Date.now) {
    this.#service = service;
    this.#connect = connect;
    this.#now = now;
  }

  /**
   * Asks about one object.
   *
   * @param signal Aborted at the time limit.
   * @throws {PosternError} `wire/…` where there is no answer.
   */
  async ask(octets: Uint8Array, signal: AbortSignal): Promise<EngineAnswer> {
    try {
      const options = await this.#serverOptions(signal);
      return await this.#connect(signal, (stream) => this.#converse(stream, octets, options));
    } catch (error) {
      if (error instanceof Refused) return silent("error", error.message);
      if (error instanceof PosternError && error.code === "wire/bad-frame") {
        return silent("malformed", error.message);
      }
      throw error;
    }
  }

  async #serverOptions(signal: AbortSignal): Promise<IcapOptions> {
    if (this.#options && this.#now() < this.#options.until) return this.#options;
    // One question for all who wait: the one who asks may go away, and the others ask again then.
    while (this.#asking) {
      const asked = await this.#asking.catch(() => undefined);
      signal.throwIfAborted();
      if (asked) return asked;
    }
    this.#asking = this.#connect(signal, (stream) => this.#askOptions(stream));
    try {
      return this.#options = await this.#asking;
    } finally {
      this.#asking = undefined;
    }
  }

  async #askOptions(stream: WireStream): Promise<IcapOptions> {
    const { method } = this.#service;
    await stream.write(encoder.encode(this.#head("OPTIONS", ["Encapsulated: null-body=0"])));
    const head = await readHead(new OctetReader(stream), "ICAP");
    // A server need not have OPTIONS to have the service.
    if (head.status === 405 || head.status === 501) {
      return { until: this.#now() + OPTIONS_DEFAULT_MS };
    }
    if (head.status !== 200) throw new Refused(head);
    const methods = listField(head, "methods");
    if (methods.length > 0 && !methods.includes(method)) {
      throw new Refused(head, `the service takes ${methods.join(", ")}, and not ${method}`);
    }
    const preview = /^\d{1,9}$/.exec(field(head, "preview") ?? "")?.[0];
    const seconds = /^\d{1,9}$/.exec(field(head, "options-ttl") ?? "")?.[0];
    const ms = seconds === undefined ? OPTIONS_DEFAULT_MS : Number(seconds) * 1000;
    return {
      until: this.#now() + Math.min(ms, OPTIONS_KEEP_MS),
      ...(preview === undefined ? {} : { preview: Math.min(Number(preview), MAX_PREVIEW_OCTETS) }),
    };
  }

  async #converse(
    stream: WireStream,
    octets: Uint8Array,
    options: IcapOptions,
  ): Promise<EngineAnswer> {
    const reader = new OctetReader(stream);
    const preview = this.#service.preview ? options.preview : undefined;
    const first = preview === undefined ? octets : octets.subarray(0, preview);
    const whole = first.length === octets.length;
    // A server may answer, and hang up, before it has read all: what it said counts, not that nobody took the rest.
    const send = (all: () => Promise<void>) =>
      all().then(() => undefined, (error: unknown) => error);
    let sending = send(async () => {
      await stream.write(encoder.encode(this.#request(octets.length, preview)));
      await writeChunks(stream, first);
      await writeLastChunk(stream, preview !== undefined && whole);
    });
    const answer = async () => {
      try {
        return await readHead(reader, "ICAP");
      } catch (error) {
        stream.close();
        if (error instanceof PosternError && error.code === "wire/bad-frame") throw error;
        throw await sending ?? error;
      }
    };
    let head = await answer();
    let complete = whole;
    if (head.status === 100 && preview !== undefined && !whole) {
      await sending;
      complete = true;
      sending = send(async () => {
        await writeChunks(stream, octets.subarray(first.length));
        await writeLastChunk(stream);
      });
      head = await answer();
    }
    return await verdictOf(head, reader, octets, complete);
  }

  #request(size: number, preview: number | undefined): string {
    const http = "http://message.invalid/message.eml";
    const content = ["Content-Type: message/rfc822", `Content-Length: ${size}`];
    const lines = (...all: string[]) => `${all.join("\r\n")}\r\n\r\n`;
    const common = ["Allow: 204", ...(preview === undefined ? [] : [`Preview: ${preview}`])];
    if (this.#service.method === "reqmod") {
      const request = lines(`POST ${http} HTTP/1.1`, "Host: message.invalid", ...content);
      const sections = `Encapsulated: req-hdr=0, req-body=${request.length}`;
      return this.#head("REQMOD", [...common, sections]) + request;
    }
    const request = lines(`GET ${http} HTTP/1.1`, "Host: message.invalid");
    const response = lines("HTTP/1.1 200 OK", ...content);
    const body = request.length + response.length;
    const sections = `Encapsulated: req-hdr=0, res-hdr=${request.length}, res-body=${body}`;
    return this.#head("RESPMOD", [...common, sections]) + request + response;
  }

  #head(method: string, fields: readonly string[]): string {
    const { url } = this.#service;
    const host = /^icap:\/\/([^/]+)/.exec(url)?.[1] ?? "";
    const own = [`Host: ${host}`, "User-Agent: Postern", "Connection: close"];
    return `${[`${method} ${url} ICAP/1.0`, ...own, ...fields].join("\r\n")}\r\n\r\n`;
  }
}

/** A server that answers, and will not do it. */
class Refused extends Error {
  constructor({ status, reason }: Head, words = `the server says ${status} ${reason}`) {
    super(words);
  }
}

async function readHead(reader: OctetReader, protocol: "ICAP" | "HTTP"): Promise<Head> {
  const octets = await reader.until(END, MAX_HEAD_OCTETS);
  if (!octets) throw new PosternError("wire/closed", "The connection ended without an answer");
  return parseHead(octets, protocol);
}

/**
 * What an answer means: RFC 3507, sections 4.3.3 and 4.8.2.
 *
 * @param complete Whether the server had all of the object when it said this.
 */
async function verdictOf(
  head: Head,
  reader: OctetReader,
  octets: Uint8Array,
  complete: boolean,
): Promise<EngineAnswer> {
  const named = icapInfections(head);
  if (named) return named;
  if (head.status === 204) {
    return complete
      ? { status: "clean" }
      : silent("partial", "the server decided by the preview alone");
  }
  if (head.status !== 200) throw new Refused(head);
  // No word of an infection, and a message of its own: the same as was sent, or something in its place.
  const sections = encapsulated(head);
  const headers = sections.filter(({ name }) => name.endsWith("-hdr"));
  if (headers.length === 0) {
    return silent("malformed", "an answer of 200 without the message that it speaks of");
  }
  for (const { name } of headers) {
    if (name === "req-hdr") {
      const request = await reader.until(END, MAX_HEAD_OCTETS);
      if (!request) throw new PosternError("wire/closed", "The answer ended early");
      continue;
    }
    const http = await readHead(reader, "HTTP");
    const threat = icapInfections(http);
    if (threat) return threat;
    if (http.status !== 200) return found(["ICAP.Blocked"]);
  }
  const body = sections.find(({ name }) => name.endsWith("-body"));
  const same = body !== undefined && body.name !== "null-body"
    ? await isSameBody(reader, octets)
    : octets.length === 0;
  if (!same) return found(["ICAP.Replaced"], true);
  return complete
    ? { status: "clean" }
    : silent("partial", "the server decided by the preview alone");
}
