import { PosternError } from "../../errors.ts";
import { ConnStream, type WireStream } from "../stream.ts";
import { connectTls } from "../tls.ts";
import { gather } from "../dot_stuffing.ts";
import { CONNECT_MS, ONE_WRITE_OCTETS } from "./limits.ts";
import type { NextHop } from "./next_hop.ts";
import { type HopReply, isSuccess, relayed, ReplyReader } from "./reply_reader.ts";

/** How connections to one next hop are made. */
export interface RelayOptions {
  readonly hop: Exclude<NextHop, { kind: "maildir" }>;
  /** Our name in EHLO. */
  readonly hostname: string;
  /** STARTTLS: never, if offered, always, always with a certificate that checks. A handshake that fails is an error in each. */
  readonly tls: "none" | "may" | "encrypt" | "verify";
  readonly caPem?: string;
  /** How long each reply may take, ms. */
  readonly timeMs: number;
}

const encoder = new TextEncoder();

/** One connection to a next hop, greeted. Replies are read in the order of the commands. */
export class RelayConnection {
  readonly #stream: WireStream;
  readonly #reader: ReplyReader;
  readonly #options: RelayOptions;
  /** EHLO keywords, upper case, and their arguments. */
  readonly features: ReadonlyMap<string, string>;
  /** Transactions begun on it. */
  transactions = 0;
  /** A RSET whose reply has not come: settles when the connection is free again, or closed. */
  resetting: Promise<void> | undefined;

  private constructor(
    stream: WireStream,
    reader: ReplyReader,
    features: ReadonlyMap<string, string>,
    options: RelayOptions,
  ) {
    this.#stream = stream;
    this.#reader = reader;
    this.features = features;
    this.#options = options;
  }

  /**
   * Connects, greets, and takes STARTTLS as the options say.
   *
   * @throws {PosternError} `smtp/unavailable` when it cannot be reached or does not greet, `smtp/tls` where TLS is wanted and does
   * not come about.
   */
  static async open(options: RelayOptions): Promise<RelayConnection> {
    const below = await connect(options.hop);
    let stream: WireStream = below;
    try {
      stream.deadline(options.timeMs);
      let reader = new ReplyReader(stream);
      expect(await reader.read(), "greet");
      let features = await hello(stream, reader, options);
      if (options.tls !== "none") {
        if (features.has("STARTTLS")) {
          await stream.write(encoder.encode("STARTTLS\r\n"));
          expect(await reader.read(), "take STARTTLS");
          if (reader.unread) { // an attacker's, or a server's that cannot be told from one
            throw new PosternError(
              "smtp/tls",
              "The next hop sent octets in clear behind its reply to STARTTLS",
            );
          }
          stream = await connectTls(below, {
            verify: options.tls === "verify",
            hostname: "hostname" in options.hop ? options.hop.hostname : options.hostname,
            ...(options.caPem === undefined ? {} : { caPem: options.caPem }),
          });
          stream.deadline(options.timeMs);
          reader = new ReplyReader(stream);
          features = await hello(stream, reader, options); // what was said in clear counts no more
        } else if (options.tls !== "may") {
          throw new PosternError(
            "smtp/tls",
            "The next hop does not offer STARTTLS, and it is demanded",
          );
        }
      }
      stream.deadline(0);
      return new RelayConnection(stream, reader, features, options);
    } catch (error) {
      stream.close();
      below.close();
      if (error instanceof PosternError && error.code.startsWith("smtp/")) throw error;
      throw new PosternError("smtp/unavailable", "The next hop did not greet", { cause: error });
    }
  }

  get lmtp(): boolean {
    return this.#options.hop.kind !== "smtp";
  }

  get pipelining(): boolean {
    return this.features.has("PIPELINING");
  }

  /**
   * Sends commands, CRLF added, and reads as many replies. Without PIPELINING each waits for its turn. Of a next hop that refuses
   * something and closes, the refusal counts, and what it did not answer any more is 451.
   */
  async commands(commands: readonly string[]): Promise<HopReply[]> {
    const replies: HopReply[] = [];
    this.#stream.deadline(this.#options.timeMs);
    try {
      await this.#converse(commands, replies);
    } catch (error) {
      const closed = error instanceof PosternError && error.code === "wire/closed";
      const code = replies.at(-1)?.code ?? 421;
      if (!closed || code < 400 || code === 421) throw error;
      this.#missing(replies, commands.length);
    }
    this.#stream.deadline(0);
    return replies;
  }

  async #converse(commands: readonly string[], replies: HopReply[]): Promise<void> {
    if (this.pipelining || commands.length === 1) {
      await this.#stream.write(encoder.encode(commands.join("\r\n") + "\r\n"));
      for (const _ of commands) replies.push(this.#come() ?? await this.#reply());
      return;
    }
    for (const command of commands) {
      await this.#stream.write(encoder.encode(command + "\r\n"));
      replies.push(await this.#reply());
    }
  }

  /** Fills up with 451 what a closed connection does not bring any more. */
  #missing(replies: HopReply[], count: number): void {
    this.transactions = Infinity;
    while (replies.length < count) {
      replies.push({ code: 451, lines: ["4.4.2 The next hop closed the connection"] });
    }
  }

  /** Writes content; each write has its own deadline. */
  async content(pieces: readonly Uint8Array[]): Promise<void> {
    for (const octets of gather(pieces, ONE_WRITE_OCTETS)) {
      this.#stream.deadline(this.#options.timeMs);
      await this.#stream.write(octets);
    }
  }

  /**
   * A command line and content in one go, for BDAT.
   *
   * @throws {PosternError} `wire/bad-frame` where a reply is there already: it would be taken for the answer.
   */
  async commandAndContent(command: string, pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#reader.unread) {
      throw new PosternError(
        "wire/bad-frame",
        "The next hop sent more replies than it was asked for",
      );
    }
    await this.content([encoder.encode(command + "\r\n"), ...pieces]);
  }

  /**
   * Reads the replies to content, each with the whole time. Where the connection breaks after the first of several (LMTP), those
   * that did not come are 451: their recipients may get a second copy, but none is lost and no other gets one.
   */
  async replies(count: number): Promise<HopReply[]> {
    const replies: HopReply[] = [];
    while (replies.length < count) {
      this.#stream.deadline(this.#options.timeMs);
      try {
        replies.push(await this.#reply());
      } catch (error) {
        if (replies.length === 0) throw error;
        this.#missing(replies, count);
      }
    }
    this.#stream.deadline(0);
    return replies;
  }

  /** Calls `ended` when the peer says something or closes while nothing was asked. */
  watch(ended: () => void): void {
    this.#reader.watch(ended);
  }

  /** Says QUIT without waiting long, and closes. */
  async quit(): Promise<void> {
    try {
      this.#stream.deadline(1000);
      await this.#stream.write(encoder.encode("QUIT\r\n"));
      await this.#stream.end();
    } catch {
      // It is closed, which is what was wanted.
    }
    this.close();
  }

  close(): void {
    this.#stream.close();
  }

  async #reply(): Promise<HopReply> {
    return this.#noted(await this.#reader.read());
  }

  #come(): HopReply | undefined {
    const reply = this.#reader.come();
    return reply && this.#noted(reply);
  }

  #noted(reply: HopReply): HopReply {
    if (reply.code === 421) this.transactions = Infinity; // it closes now; not to be used again
    return reply;
  }
}

async function connect(hop: RelayOptions["hop"]): Promise<ConnStream> {
  try {
    if (hop.kind === "lmtp-unix") {
      return new ConnStream(await Deno.connect({ transport: "unix", path: hop.path }));
    }
    const conn = await Deno.connect({
      hostname: hop.hostname,
      port: hop.port,
      signal: AbortSignal.timeout(CONNECT_MS),
    });
    conn.setNoDelay(true);
    return new ConnStream(conn);
  } catch (cause) {
    throw new PosternError("smtp/unavailable", "Cannot connect to the next hop", { cause });
  }
}

function expect(reply: HopReply, what: string): void {
  if (isSuccess(reply)) return;
  throw new PosternError("smtp/unavailable", `The next hop did not ${what}: ${relayed(reply)}`);
}

async function hello(
  stream: WireStream,
  reader: ReplyReader,
  options: RelayOptions,
): Promise<Map<string, string>> {
  const lmtp = options.hop.kind !== "smtp";
  await stream.write(encoder.encode(`${lmtp ? "LHLO" : "EHLO"} ${options.hostname}\r\n`));
  const reply = await reader.read();
  if (!isSuccess(reply) && !lmtp && reply.code !== 421) {
    await stream.write(encoder.encode(`HELO ${options.hostname}\r\n`)); // RFC 5321, section 3.2
    expect(await reader.read(), "take HELO");
    return new Map();
  }
  expect(reply, "take EHLO");
  const features = new Map<string, string>();
  for (const line of reply.lines.slice(1)) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word) features.set(word.toUpperCase(), rest.join(" "));
  }
  return features;
}
