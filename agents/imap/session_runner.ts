import { PosternError } from "../../errors.ts";
import { describe } from "../describe.ts";
import { takeHandshake } from "../mailbox/handshake.ts";
import type { Runner } from "../session_books.ts";
import type { ConnStream, WireStream } from "../stream.ts";
import { refusalOf } from "./admission.ts";
import { ClientOutput } from "./client_output.ts";
import { Clock } from "./clock.ts";
import type { ImapContext, ImapSettings } from "./context.ts";
import { FragmentInput } from "./fragment_input.ts";
import {
  CLIENT_READ_OCTETS,
  GOODBYE_MS,
  MAX_COMMAND_LINE_OCTETS,
  MAX_LOGIN_LINE_OCTETS,
  MAX_MISTAKES,
} from "./limits.ts";
import { ImapSession } from "./session.ts";

/** Runs one session on one connection: the only place that reads and writes its client's socket. */
export class ImapRunner implements Runner {
  readonly #context: ImapContext;
  readonly #settings: ImapSettings;
  readonly #below: ConnStream;
  #stream: WireStream;
  #input: FragmentInput;
  readonly #output: ClientOutput;
  readonly #session: ImapSession;
  readonly #clock: Clock;
  readonly #began = performance.now();
  readonly #gone = new AbortController();
  #waiting = false;
  /** The literals of the command that comes now: since when, and how much of them came. */
  #upload: { readonly since: number; octets: number } | undefined;
  #leaving: Promise<void> | undefined;
  #mistakes = 0;

  constructor(context: ImapContext, stream: ConnStream) {
    this.#context = context;
    this.#settings = context.settings;
    this.#below = stream;
    this.#stream = stream;
    this.#output = new ClientOutput(stream);
    this.#input = this.#newInput();
    this.#clock = new Clock(() => void this.#goodbye("Autologout; idle for too long"));
    this.#session = new ImapSession(context, {
      address: stream.remoteAddress,
      secure: context.implicitTls,
      output: this.#output,
      signal: this.#gone.signal,
      waits: () => {
        this.#patience();
        this.#waiting = true;
        if (context.draining) this.shutDown();
      },
      uploading: (octets) => this.#uploading(octets),
      closed: (text) => this.#serverClosed(text),
    });
  }

  /** Runs until the client logs out, breaks or idles away. Rejects only for faults of our own. */
  async run(): Promise<void> {
    try {
      this.#clock.set(this.#settings.loginMs);
      if (this.#context.implicitTls && !await this.#handshake()) return;
      this.#session.input = this.#input;
      if (await this.#admitted() && await this.#session.greet()) await this.#serve();
    } catch (error) {
      await this.#broken(error);
    } finally {
      await this.#leaving; // what is being said to the client is said to its end
      this.#gone.abort();
      this.#clock.stop();
      this.#session.close();
      this.#stream.close();
      this.#below.close();
    }
  }

  /** Ends a session that waits for its client; others end when their command is done. */
  shutDown(): void {
    if (this.#waiting) void this.#goodbye("Server is going down; come again");
  }

  /** What the policy says of the client alone. */
  async #admitted(): Promise<boolean> {
    const { implicitTls } = this.#context;
    const refusal = refusalOf(this.#context, {
      client: this.#below.remoteAddress,
      tls: implicitTls,
    });
    if (refusal === undefined) return true;
    await this.#goodbye(refusal);
    return false;
  }

  async #serve(): Promise<void> {
    while (!this.#context.draining) {
      await this.#output.flush();
      this.#patience();
      this.#input.decoder.maxLine = this.#session.loggedIn
        ? MAX_COMMAND_LINE_OCTETS
        : MAX_LOGIN_LINE_OCTETS;
      this.#waiting = true;
      const command = await this.#session.intake.next();
      this.#waiting = false;
      if (!command) return;
      if ("status" in command) {
        this.#output.say(`${command.tag} ${command.status} ${command.text}\r\n`);
        if (command.close) return await this.#goodbye("Cannot tell what follows");
        if (++this.#mistakes > MAX_MISTAKES) return await this.#goodbye("Too many mistakes");
        continue;
      }
      this.#clock.stop();
      // While a command takes its time, the client going away ends it. What it pipelines stays unread.
      if (command.name.endsWith("FETCH") || command.name === "APPEND") {
        this.#input.watch(() => this.#gone.abort());
      }
      const next = await this.#session.command(command);
      if (next === "end") return await this.#end();
      if (next === "tls" && !await this.#startTls()) return;
    }
    await this.#goodbye("Server is going down; come again");
  }

  /** How long the client may be silent from now on. */
  #patience(): void {
    const { loginMs, idleMs } = this.#settings;
    this.#upload = undefined;
    const gone = performance.now() - this.#began;
    this.#clock.set(
      this.#session.loggedIn ? idleMs : Math.max(1, Math.min(idleMs, loginMs - gone)),
    );
  }

  /** While a literal comes: a second for each 1,000 octets besides its time. */
  #uploading(octets: number): void {
    const upload = this.#upload ??= { since: performance.now(), octets: 0 };
    upload.octets += octets;
    const gone = performance.now() - upload.since;
    const { uploadMs, loginMs } = this.#settings;
    const patience = this.#session.loggedIn ? uploadMs : loginMs - (upload.since - this.#began);
    this.#clock.set(Math.max(1, patience + upload.octets - gone));
  }

  #newInput(): FragmentInput {
    return new FragmentInput(
      this.#stream,
      { maxLine: MAX_LOGIN_LINE_OCTETS, from: "client" },
      CLIENT_READ_OCTETS,
    );
  }

  async #startTls(): Promise<boolean> {
    await this.#output.flush();
    if (!await this.#handshake()) return false;
    this.#session.secured(this.#input);
    return true;
  }

  /** Nothing that came in clear is read after it: what is left unread goes with the input that had it (RFC 9051, section 6.2.1). */
  async #handshake(): Promise<boolean> {
    const stream = await takeHandshake(this.#context, this.#below);
    if (!stream) return false;
    this.#stream = stream;
    this.#output.stream = stream;
    this.#input = this.#newInput();
    return true;
  }

  async #end(): Promise<void> {
    await this.#output.flush();
    await this.#stream.end();
  }

  /** The server is gone; the client goes with it. */
  #serverClosed(text: string | undefined): void {
    if (text === undefined) {
      void this.#output.flush().catch(() => {}).finally(() => this.#stream.close());
    } else void this.#goodbye(text);
  }

  /** What the client did wrong is said to it; what it did by going away is not. */
  async #broken(error: unknown): Promise<void> {
    const fields = { listener: this.#settings.listener, client: this.#below.remoteAddress };
    const { ports } = this.#context;
    if (!(error instanceof PosternError)) {
      ports.log("error", "A session failed", { ...fields, error: describe(error) });
      await this.#goodbye("Internal error");
    } else if (error.code === "wire/too-long") await this.#goodbye("Line is too long");
    else if (error.code === "mailbox/unavailable" || error.code === "smtp/tls") {
      ports.log("warning", "Cannot reach a mailbox server", { ...fields, error: describe(error) });
      await this.#goodbye("[UNAVAILABLE] The mail server cannot be reached, try again later");
    }
  }

  #goodbye(text: string): Promise<void> {
    return this.#leaving ??= this.#leave(text);
  }

  async #leave(text: string): Promise<void> {
    try {
      this.#output.say(`* BYE ${text}\r\n`);
      const late = setTimeout(() => this.#stream.close(), GOODBYE_MS);
      await this.#output.flush().finally(() => clearTimeout(late));
      await this.#stream.end();
    } catch {
      // It has gone.
    }
    this.#stream.close();
  }
}
