import { Buffer } from "node:buffer";
import { PosternError } from "../../errors.ts";
import { describe } from "../describe.ts";
import { IncomingObject } from "../incoming_object.ts";
import { linger } from "../linger.ts";
import type { AgentPorts } from "../ports.ts";
import type { Runner } from "../session_books.ts";
import type { ConnStream } from "../stream.ts";
import { HEAD_READ_OCTETS, MAX_REQUESTS, READ_OCTETS, WRITE_MS } from "./limits.ts";
import { RequestDecoder, type RequestHead } from "./request_decoder.ts";

/** A request that is whole. */
export interface HttpRequest {
  readonly head: RequestHead;
  /** Accounted for until the answer is there. */
  readonly body: IncomingObject;
  /** Address of the client; `""` on a socket in the file system. */
  readonly client: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** What a server of requests is. */
export interface HttpService {
  readonly ports: AgentPorts;
  /** Name of the listener, for the log. */
  readonly listener: string;
  /** Largest body, octets. */
  readonly bodyOctets: number;
  /** How long a head may take, and a connection be idle, ms. */
  readonly commandMs: number;
  /** How long a body may take, ms; each octet that comes gives a millisecond more. */
  readonly dataMs: number;
  readonly draining: () => boolean;
  /** Answers a request. What it rejects with becomes 500. */
  respond(request: HttpRequest): Promise<Response>;
  /** Writes an answer in another form than HTTP's, for requests of {@link RequestHead.protocol} RSPAMC. */
  legacy(head: RequestHead, response: Response): Promise<Uint8Array>;
}

/** An answer that ends the connection. */
class Refusal extends Error {
  constructor(readonly status: number, readonly text: string) {
    super(text);
  }
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/**
 * Serves HTTP/1.0 and HTTP/1.1 (RFC 9112) on one connection, with a time for each phase: the runtime's own server has none, and
 * whoever sends an octet a minute would keep it busy for ever.
 */
export class HttpRunner implements Runner {
  readonly #service: HttpService;
  readonly #stream: ConnStream;
  readonly #decoder = new RequestDecoder();
  readonly #gone = new AbortController();
  #buffer: Uint8Array = new Uint8Array(0);
  #input: Uint8Array = new Uint8Array(0);
  #body: IncomingObject | undefined;
  #waiting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(service: HttpService, stream: ConnStream) {
    this.#service = service;
    this.#stream = stream;
  }

  async run(): Promise<void> {
    try {
      for (let i = 1; i <= MAX_REQUESTS; i++) {
        if (!await this.#one(i === MAX_REQUESTS)) break;
      }
      await this.#stream.end();
    } catch (error) {
      this.#gone.abort();
      const ours = error instanceof PosternError && error.code.startsWith("wire/");
      this.#service.ports.log(ours ? "debug" : "error", "A session ended early", {
        listener: this.#service.listener,
        client: this.#stream.remoteAddress || "unix socket",
        error: describe(error),
      });
    } finally {
      this.#still();
      this.#body?.release();
      this.#stream.close();
    }
  }

  shutDown(): void {
    if (this.#waiting && !this.#decoder.partial && !this.#body) this.#stream.close();
  }

  /** @returns whether another request may come. */
  async #one(last: boolean): Promise<boolean> {
    this.#patience(this.#service.commandMs);
    let request: RequestHead | undefined;
    try {
      request = await this.#receive();
      this.#still();
    } catch (error) {
      this.#still();
      if (!isRefusal(error)) throw error;
      const { status, text } = refusalOf(error);
      await this.#write(
        serialised(status, [["content-type", "application/json"]], json(text), false),
      );
      await linger(this.#stream);
      return false;
    }
    if (!request) return false;
    const answer = await this.#answer(request);
    const keep = request.keepAlive && !last && !this.#service.draining();
    if (request.protocol === "RSPAMC") {
      await this.#write(await this.#service.legacy(request, answer));
      return false;
    }
    const octets = new Uint8Array(await answer.arrayBuffer());
    await this.#write(serialised(answer.status, [...answer.headers], octets, keep));
    if (!keep) await linger(this.#stream);
    return keep;
  }

  /** Head and body; `undefined` where the client has nothing more to ask. */
  async #receive(): Promise<RequestHead | undefined> {
    let head: RequestHead | undefined;
    while (true) {
      const { used, event } = this.#decoder.take(this.#input);
      this.#input = this.#input.subarray(used);
      if (event?.kind === "head") {
        head = event.head;
        await this.#begin(head);
      } else if (event?.kind === "piece") {
        const body = this.#body!;
        if (body.length + event.octets.length > this.#service.bodyOctets) throw TOO_LARGE;
        await body.push(event.octets);
      } else if (event?.kind === "end") return head;
      if (event || used > 0) continue;
      if (this.#service.draining() && !this.#decoder.partial) return undefined;
      if (this.#body) this.#patience(this.#body.patienceMs);
      const octets = this.#body ? READ_OCTETS : HEAD_READ_OCTETS;
      if (this.#buffer.length !== octets) this.#buffer = new Uint8Array(octets);
      this.#waiting = true;
      const count = await this.#stream.read(this.#buffer);
      this.#waiting = false;
      if (count === null) {
        if (this.#decoder.partial) throw new Refusal(400, "The request is not whole");
        return undefined;
      }
      this.#body?.received(count);
      this.#input = this.#buffer.subarray(0, count);
    }
  }

  async #begin(head: RequestHead): Promise<void> {
    if ((head.length ?? 0) > this.#service.bodyOctets) throw TOO_LARGE;
    this.#body = new IncomingObject(this.#service.ports, this.#service.dataMs);
    if (head.expects && this.#input.length === 0) {
      await this.#write(Buffer.from("HTTP/1.1 100 Continue\r\n\r\n"));
      this.#stream.deadline(0);
    }
  }

  async #answer(head: RequestHead): Promise<Response> {
    const body = this.#body!;
    this.#body = undefined;
    try {
      if (body.noRoom) return failure(503, "Too much mail at once, try again later");
      const client = this.#stream.remoteAddress;
      return await this.#service.respond({ head, body, client, signal: this.#gone.signal });
    } catch (error) {
      this.#service.ports.log("error", "Cannot answer a request", {
        listener: this.#service.listener,
        error: describe(error),
      });
      return failure(500, "Internal error, try again later");
    } finally {
      body.release();
    }
  }

  async #write(octets: Uint8Array): Promise<void> {
    this.#stream.deadline(WRITE_MS);
    await this.#stream.write(octets);
    this.#stream.deadline(0);
  }

  #patience(ms: number): void {
    this.#still();
    this.#timer = setTimeout(() => {
      const begun = this.#decoder.partial || this.#body !== undefined;
      const last = begun
        ? this.#write(serialised(408, [], json("Nothing came in time"), false)).catch(() => {})
        : Promise.resolve();
      void last.finally(() => this.#stream.close());
    }, ms);
  }

  #still(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

const TOO_LARGE = new Refusal(413, "The message is larger than it may be, and was not scanned");

/** A JSON answer to a request that is not served. */
export function failure(status: number, text: string): Response {
  return Response.json({ error: text }, { status });
}

function isRefusal(error: unknown): boolean {
  return error instanceof Refusal ||
    error instanceof PosternError &&
      (error.code === "wire/bad-frame" || error.code === "wire/too-long");
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { code, message } = error as PosternError;
  return new Refusal(code === "wire/too-long" ? 431 : 400, message);
}

function json(text: string): Uint8Array {
  return Buffer.from(JSON.stringify({ error: text }));
}

function serialised(
  status: number,
  fields: readonly (readonly [string, string])[],
  body: Uint8Array,
  keepAlive: boolean,
): Uint8Array {
  const own = new Set(["content-length", "connection", "transfer-encoding"]);
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}`,
    ...fields.filter(([name]) => !own.has(name.toLowerCase())).map(([name, value]) =>
      `${name}: ${value}`
    ),
    `content-length: ${body.length}`,
    `connection: ${keepAlive ? "keep-alive" : "close"}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]);
}
