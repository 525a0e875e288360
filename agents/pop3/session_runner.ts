import { Buffer } from "node:buffer";
import { PosternError } from "../../errors.ts";
import { describe } from "../describe.ts";
import { LineDecoder } from "../line_decoder.ts";
import { takeHandshake } from "../mailbox/handshake.ts";
import type { Runner } from "../session_books.ts";
import type { ConnStream, WireStream } from "../stream.ts";
import { octetsOf } from "./command.ts";
import type { Pop3Context, Pop3Settings } from "./context.ts";
import {
  CLIENT_READ_OCTETS,
  DRAIN_IDLE_MS,
  MAX_LINE_OCTETS,
  WRITE_MS,
  WRITE_OCTETS,
} from "./limits.ts";
import { Pop3Session } from "./session.ts";
import type { Answer } from "./session_types.ts";

const NOTHING = new Uint8Array(0);
/** Commands that take long: whether the client is still there is looked at meanwhile. */
const LONG = /^(?:RETR|TOP) /i;

/** Runs one session on one connection: the only place that reads and writes its client's socket. */
export class Pop3Runner implements Runner {
  readonly #context: Pop3Context;
  readonly #settings: Pop3Settings;
  readonly #below: ConnStream;
  readonly #session: Pop3Session;
  #stream: WireStream;
  #lines = new LineDecoder(MAX_LINE_OCTETS);
  #buffer = new Uint8Array(CLIENT_READ_OCTETS);
  #input: Uint8Array = NOTHING;
  /** Replies that are not written yet; those to pipelined commands go out together. */
  #output: Uint8Array[] = [];
  #held = 0;
  /** A read that was begun while a message was worked on, to see the client go away. */
  #ahead: Promise<number | null> | undefined;
  #waiting = false;
  readonly #began = performance.now();

  constructor(context: Pop3Context, stream: ConnStream) {
    this.#context = context;
    this.#settings = context.settings;
    this.#below = stream;
    this.#stream = stream;
    this.#session = new Pop3Session(
      context,
      this.#settings,
      { address: stream.remoteAddress, secure: context.implicitTls },
      (octets) => this.#write(octets),
    );
  }

  /** Runs until the client quits, breaks or idles away. Rejects only for faults of our own. */
  async run(): Promise<void> {
    try {
      if (this.#context.implicitTls && !await this.#handshake()) return;
      if (await this.#answer(await this.#session.open())) await this.#serve();
    } catch (error) {
      await this.#broken(error);
    } finally {
      this.#session.close();
      this.#stream.close();
      this.#below.close();
    }
  }

  /**
   * Ends a session that waits for its client's next command, at once or, after the login, when none comes soon. What it deleted
   * stays, as after any broken connection.
   */
  shutDown(): void {
    if (!this.#waiting) return;
    if (this.#session.loggedIn) this.#stream.deadline(DRAIN_IDLE_MS);
    else this.#stream.close();
  }

  async #serve(): Promise<void> {
    while (true) {
      const line = await this.#line();
      if (!line) return;
      const controller = new AbortController();
      const long = LONG.test(String.fromCharCode(...line.subarray(0, 5)));
      if (long && this.#input.length === 0) {
        await this.#flush();
        this.#watch(controller);
      }
      this.#stream.deadline(0); // the server's time is not the client's
      if (!await this.#answer(await this.#session.line(line, controller.signal))) return;
    }
  }

  /** The next line; `undefined` at the end of the stream, or of the agent. */
  async #line(): Promise<Uint8Array | undefined> {
    let answered = true;
    while (true) {
      if (this.#input.length > 0) {
        const { used, line } = this.#lines.take(this.#input);
        this.#input = this.#input.subarray(used);
        if (line) return line.slice(); // the buffer is read into again meanwhile
        continue;
      }
      await this.#flush();
      const ending = this.#context.draining && !this.#session.loggedIn;
      if (ending && !this.#lines.partial) return undefined;
      // A line must come whole within its time, so that it is not kept up by an octet now and then.
      if (answered) this.#moveDeadline();
      answered = false;
      const read = this.#ahead ?? this.#stream.read(this.#buffer);
      this.#ahead = undefined;
      this.#waiting = true;
      const count = await read;
      this.#waiting = false;
      if (count === null) return undefined;
      this.#input = this.#buffer.subarray(0, count);
    }
  }

  #moveDeadline(): void {
    const { loginMs, idleMs, sessionMs } = this.#settings;
    const gone = performance.now() - this.#began;
    const left = this.#session.loggedIn
      ? Math.min(idleMs, sessionMs - gone)
      : Math.min(idleMs, loginMs - gone);
    const longest = this.#context.draining ? DRAIN_IDLE_MS : left;
    this.#stream.deadline(Math.max(1, Math.min(left, longest)));
  }

  /** Reads ahead, and aborts when there is nobody any more. */
  #watch(controller: AbortController): void {
    const gone = () => controller.abort();
    const ahead = this.#ahead = this.#stream.read(this.#buffer);
    ahead.then((count) => count === null && gone(), gone);
  }

  /** @returns whether the session goes on. */
  async #answer({ line, end, startTls }: Answer): Promise<boolean> {
    if (line !== undefined) await this.#write(octetsOf(`${line}\r\n`));
    if (end) {
      await this.#flush();
      await this.#stream.end();
      return false;
    }
    if (!startTls) return true;
    await this.#flush();
    // Nothing that came in clear is read after it: RFC 2595, section 4.
    this.#input = NOTHING;
    this.#lines = new LineDecoder(MAX_LINE_OCTETS);
    if (!await this.#handshake()) return false;
    this.#session.secured();
    return true;
  }

  async #handshake(): Promise<boolean> {
    this.#stream.deadline(this.#settings.loginMs);
    const stream = await takeHandshake(this.#context, this.#below);
    if (stream) this.#stream = stream;
    return stream !== undefined;
  }

  /** What the client did wrong is said to it; what it did by going away is not. */
  async #broken(error: unknown): Promise<void> {
    const fields = { listener: this.#settings.listener, client: this.#below.remoteAddress };
    const { ports } = this.#context;
    if (!(error instanceof PosternError)) {
      ports.log("error", "A session failed", { ...fields, error: describe(error) });
      await this.#goodbye("[SYS/TEMP] Internal error");
    } else if (error.code === "wire/too-long") await this.#goodbye("Line is too long");
    else if (error.code === "wire/bare-line-end") await this.#goodbye("Line must end with CRLF");
    else if (error.code === "wire/timeout") {
      ports.log("debug", "A client was silent for too long", fields);
    }
  }

  async #goodbye(text: string): Promise<void> {
    try {
      await this.#write(octetsOf(`-ERR ${text}\r\n`));
      await this.#flush();
      await this.#stream.end();
    } catch {
      // It has gone.
    }
  }

  async #write(octets: Uint8Array): Promise<void> {
    this.#output.push(octets);
    this.#held += octets.length;
    if (this.#held >= WRITE_OCTETS) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#output.length === 0) return;
    const octets = this.#output.length === 1 ? this.#output[0]! : Buffer.concat(this.#output);
    this.#output = [];
    this.#held = 0;
    for (let at = 0; at < octets.length; at += WRITE_OCTETS) {
      this.#stream.deadline(WRITE_MS);
      await this.#stream.write(octets.subarray(at, at + WRITE_OCTETS));
    }
  }
}
