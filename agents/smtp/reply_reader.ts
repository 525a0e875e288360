import { PosternError } from "../../errors.ts";
import { LineDecoder } from "../line_decoder.ts";
import type { WireStream } from "../stream.ts";
import { MAX_REPLY_LINE_OCTETS, MAX_REPLY_LINES } from "./limits.ts";
import { latin1 } from "../line_ends.ts";
import { type Reply, sanitise } from "./replies.ts";

const READ_OCTETS = 4096;

/** A reply of a next hop: RFC 5321, section 4.2. */
export interface HopReply {
  /** 200–599. */
  readonly code: number;
  /** Text of each line behind the code, as it came, ASCII and 8-bit octets as Latin-1. */
  readonly lines: readonly string[];
}

/** Whether a reply says that it was done. */
export function isSuccess(reply: HopReply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

/** A next hop's reply as the client is told it: one line, cleaned, with an enhanced code of the same class. */
export function relayed(reply: HopReply): Reply {
  // 421 would say that *this* session closes; an answer that is neither yes nor no here is "not now".
  const code = reply.code === 421 || (reply.code >= 300 && reply.code < 400) ? 451 : reply.code;
  const texts = reply.lines.map((line) =>
    /^(?:([245]\.\d{1,3}\.\d{1,3})(?: |$))?([^]*)$/.exec(line)!
  );
  const digit = String(code)[0]!;
  const given = texts.find((match) => match[1]?.[0] === digit)?.[1];
  const text = sanitise(texts.map((match) => match[2]).join(" "));
  return `${code} ${given ?? `${digit}.0.0`} ${text || "No text"}`;
}

/**
 * Reads replies, one after another. One read is begun ahead while the connection is idle, so that its end is seen at once;
 * the same read then brings the first reply, and no octet is lost.
 */
export class ReplyReader {
  readonly #stream: WireStream;
  readonly #buffer = new Uint8Array(READ_OCTETS);
  readonly #lines = new LineDecoder(MAX_REPLY_LINE_OCTETS);
  #start = 0;
  #end = 0;
  /** Lines of a reply whose last line has not come, and their code. */
  #texts: string[] = [];
  #code = 0;
  #ahead: Promise<number | null> | undefined;

  constructor(stream: WireStream) {
    this.#stream = stream;
  }

  /** Octets that came and were not asked for: on an idle connection, or behind the reply to STARTTLS, there may be none. */
  get unread(): boolean {
    return this.#start < this.#end || this.#lines.partial || this.#texts.length > 0;
  }

  /** Begins to read; `ended` is called when anything comes before the next {@link ReplyReader.read}. */
  watch(ended: () => void): void {
    if (this.unread) {
      ended();
      return;
    }
    const ahead = this.#stream.read(this.#buffer);
    this.#ahead = ahead;
    const came = () => {
      if (this.#ahead === ahead) ended();
    };
    ahead.then(came, came);
  }

  /**
   * @throws {PosternError} `wire/closed` at the stream's end, `wire/bad-frame` for what is no reply, and the stream's own.
   */
  async read(): Promise<HopReply> {
    for (;;) {
      const reply = this.come();
      if (reply) return reply;
      await this.#fill();
    }
  }

  /**
   * A reply that has come already, whole.
   *
   * @throws {PosternError} `wire/bad-frame` for what is no reply, and what a line may be.
   */
  come(): HopReply | undefined {
    while (this.#start < this.#end) {
      const chunk = this.#buffer.subarray(0, this.#end);
      const { used, line } = this.#lines.take(chunk, this.#start);
      this.#start += used;
      if (!line) continue;
      const lines = this.#texts;
      const match = /^([2-5]\d\d)([ -]|$)/.exec(latin1(line, 0, 4));
      const code = Number(match?.[1]);
      if (!match || (lines.length > 0 && code !== this.#code) || lines.length >= MAX_REPLY_LINES) {
        throw new PosternError("wire/bad-frame", "The next hop sent what is no reply");
      }
      this.#code = code;
      lines.push(latin1(line, Math.min(4, line.length)));
      if (match[2] === "-") continue;
      this.#texts = [];
      return { code, lines };
    }
    return undefined;
  }

  async #fill(): Promise<void> {
    const pending = this.#ahead ?? this.#stream.read(this.#buffer);
    this.#ahead = undefined;
    const count = await pending;
    if (count === null) throw new PosternError("wire/closed", "The next hop closed the connection");
    this.#start = 0;
    this.#end = count;
  }
}
