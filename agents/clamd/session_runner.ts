import { PosternError } from "../../errors.ts";
import { describe } from "../describe.ts";
import { IncomingObject } from "../incoming_object.ts";
import { linger } from "../linger.ts";
import { PROGRAM_VERSION } from "../program_version.ts";
import type { GatewayOperation } from "../ports.ts";
import type { Runner } from "../session_books.ts";
import type { ConnStream } from "../stream.ts";
import { type Command, isSessionCommand, KNOWN_COMMANDS, parseCommand } from "./command.ts";
import { type ClamdEvent, CommandDecoder, type Form } from "./command_decoder.ts";
import type { ClamdContext, ClamdSettings } from "./context.ts";
import { COMMAND_READ_OCTETS, READ_OCTETS, WRITE_MS } from "./limits.ts";
import { scanPath } from "./path_command.ts";
import { statistics } from "./statistics.ts";
import { answerStream } from "./stream_command.ts";

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Clients tell by the words `fd[0]: ... ERROR` which file it was that they had opened. */
const NO_DESCRIPTORS =
  "fd[0]: Descriptor passing (FILDES, --fdpass) is not supported here, use INSTREAM (--stream). ERROR";
const TIMED_OUT = "COMMAND READ TIMED OUT";

/** How one command is answered. */
interface Question {
  readonly form: Form;
  /** Within IDSESSION: its number. */
  readonly id?: number;
}

/** Runs the conversation on one connection: the only place that reads and writes its socket. */
export class ClamdRunner implements Runner {
  readonly #context: ClamdContext;
  readonly #settings: ClamdSettings;
  readonly #stream: ConnStream;
  readonly #decoder: CommandDecoder;
  readonly #gone = new AbortController();
  /** Within IDSESSION: what is being answered. */
  readonly #jobs = new Set<Promise<void>>();
  #input: Uint8Array = NOTHING;
  #buffer: Uint8Array = NOTHING;
  /** The object that comes, and who asked. */
  #open: { readonly question: Question; readonly object: IncomingObject } | undefined;
  /** Form of IDSESSION; `undefined` before. */
  #session: Form | undefined;
  #commands = 0;
  #writing: Promise<void> = Promise.resolve();
  #waiting = false;
  /** The client was refused in the middle of what it sends, and is to read why. */
  #unread = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: ClamdContext, stream: ConnStream) {
    this.#context = context;
    this.#settings = context.settings;
    this.#stream = stream;
    this.#decoder = new CommandDecoder(this.#settings.streamSize);
  }

  async run(): Promise<void> {
    try {
      while (true) {
        const event = await this.#next();
        if (!event || !await this.#do(event)) break;
      }
      this.#still();
      await Promise.all(this.#jobs); // the octets of each are asked about, whatever comes of the client
      await this.#writing;
      if (this.#unread) await linger(this.#stream);
      await this.#stream.end();
    } catch (error) {
      this.#gone.abort();
      this.#report(error);
    } finally {
      this.#still();
      this.#open?.object.release();
      await Promise.allSettled(this.#jobs);
      this.#stream.close();
    }
  }

  shutDown(): void {
    if (this.#waiting && !this.#decoder.partial && !this.#open && this.#jobs.size === 0) {
      this.#stream.close();
    }
  }

  /** What the client sends next; `undefined` at the end of the stream. */
  async #next(): Promise<ClamdEvent | undefined> {
    while (true) {
      while (this.#input.length > 0) {
        const { used, event } = this.#decoder.take(this.#input);
        this.#input = this.#input.subarray(used);
        if (event) return event;
      }
      if (this.#context.draining && !this.#open && !this.#decoder.partial) return undefined;
      this.#watch();
      const octets = this.#decoder.streaming ? READ_OCTETS : COMMAND_READ_OCTETS;
      if (this.#buffer.length !== octets) this.#buffer = new Uint8Array(octets);
      this.#waiting = true;
      const count = await this.#stream.read(this.#buffer);
      this.#waiting = false;
      if (count === null) {
        const last = this.#decoder.end();
        if (last) return last;
        // An object of which the end did not come is no object.
        if (this.#open || this.#decoder.partial) this.#say({ form: "old" }, TIMED_OUT);
        return undefined;
      }
      this.#open?.object.received(count);
      this.#input = this.#buffer.subarray(0, count);
    }
  }

  /** @returns whether the conversation goes on. */
  async #do(event: ClamdEvent): Promise<boolean> {
    switch (event.kind) {
      case "command":
        this.#still();
        return await this.#command(event.form, event.line);
      case "piece":
        await this.#open!.object.push(event.octets);
        return true;
      case "streamEnd": {
        this.#still();
        const { question, object } = this.#open!;
        this.#open = undefined;
        return await this.#answer(question, async () => {
          const client = this.#stream.remoteAddress;
          const { signal } = this.#gone;
          const answer = await answerStream(this.#context, this.#settings, object, client, signal);
          this.#say(question, `stream: ${answer}`);
        });
      }
      case "tooLong": {
        const { form } = this.#open!.question;
        this.#say({ form }, "INSTREAM size limit exceeded. ERROR");
        this.#unread = true;
        return false;
      }
    }
  }

  async #command(form: Form, line: Uint8Array): Promise<boolean> {
    const command = parseCommand(decoder.decode(line), form === "old");
    if (this.#session !== undefined) return await this.#inSession(form, command);
    const question = { form };
    if (command?.name === "IDSESSION") {
      this.#session = form;
      return true;
    }
    if (command === undefined || command.name === "END") {
      this.#say(question, "UNKNOWN COMMAND");
      return false;
    }
    if (command.name === "INSTREAM") {
      this.#begin(question);
      return true;
    }
    await this.#one(question, command);
    return false; // clamd answers one command a connection, but for IDSESSION
  }

  async #inSession(form: Form, command: Command | undefined): Promise<boolean> {
    if (command?.name === "END") return false;
    const question = { form, id: ++this.#commands };
    if (form === "old" || command === undefined || !isSessionCommand(command)) {
      this.#say(question, "Command invalid inside IDSESSION. ERROR");
      return false;
    }
    if (command.name === "INSTREAM") {
      this.#begin(question);
      return true;
    }
    if (command.name === "FILDES") {
      await this.#one(question, command);
      return false;
    }
    return await this.#answer(question, () => this.#one(question, command));
  }

  #begin(question: Question): void {
    this.#decoder.beginStream();
    this.#open = {
      question,
      object: new IncomingObject(this.#context.ports, this.#settings.dataMs),
    };
  }

  /**
   * Alone it is answered before the conversation goes on; within a session beside others, as many as may be.
   *
   * @returns whether the conversation goes on.
   */
  async #answer(question: Question, run: () => Promise<void>): Promise<boolean> {
    if (question.id === undefined) {
      await run();
      return false;
    }
    const job = run().catch((error) => {
      this.#gone.abort();
      this.#report(error);
      this.#stream.close();
    }).finally(() => this.#jobs.delete(job));
    this.#jobs.add(job);
    while (this.#jobs.size >= this.#settings.parallel) await Promise.race(this.#jobs);
    return true;
  }

  async #one(question: Question, command: Command): Promise<void> {
    switch (command.name) {
      case "PING":
        return this.#say(question, "PONG");
      case "VERSION":
        return this.#say(question, PROGRAM_VERSION);
      case "VERSIONCOMMANDS":
        return this.#say(question, `${PROGRAM_VERSION}| COMMANDS: ${KNOWN_COMMANDS.join(" ")}`);
      case "STATS":
        return this.#say(question, statistics(this.#context));
      case "FILDES":
        // It ends a session, too: a read that stops at a descriptor makes the runtime wait for octets that are there already.
        this.#unread = true;
        return this.#say(question, NO_DESCRIPTORS);
      case "SCAN":
      case "CONTSCAN":
      case "MULTISCAN":
      case "ALLMATCHSCAN": {
        if (!this.#settings.unix) return this.#say(question, "COMMAND UNAVAILABLE");
        const lines = scanPath(this.#context, this.#settings, command, this.#gone.signal);
        for await (const line of lines) {
          this.#say(question, line);
          await this.#writing; // no faster than the client reads
        }
        return;
      }
      case "RELOAD":
        return this.#operate(question, "reload");
      case "SHUTDOWN":
        return this.#operate(question, "shutdown");
      default:
        return this.#say(question, "COMMAND UNAVAILABLE");
    }
  }

  /** What concerns the whole gateway is done where the configuration says that these clients may; clamd's end is silent. */
  #operate(question: Question, operation: GatewayOperation): void {
    const { ports } = this.#context;
    if (!this.#settings.operations.includes(operation) || !ports.operate) {
      return this.#say(question, "COMMAND UNAVAILABLE");
    }
    ports.log("info", `A client asks for ${operation}`, { listener: this.#settings.listener });
    ports.operate(operation);
    if (operation === "reload") this.#say(question, "RELOADING");
  }

  /** What is said is written in order, each line whole. */
  #say({ form, id }: Question, line: string): void {
    const text = `${id === undefined ? "" : `${id}: `}${line}${form === "z" ? "\0" : "\n"}`;
    const writing = this.#writing.then(async () => {
      this.#stream.deadline(WRITE_MS);
      await this.#stream.write(encoder.encode(text));
      this.#stream.deadline(0);
    });
    this.#writing = writing;
    writing.catch((error) => {
      this.#gone.abort(); // nobody hears what else would be found
      if (!(error instanceof PosternError)) this.#report(error);
    });
  }

  /** A client may be silent for a while, and take a while for an object; but not while it waits for answers itself. */
  #watch(): void {
    const ms = this.#open?.object.patienceMs ?? this.#settings.commandMs;
    if (this.#jobs.size > 0 && !this.#open && !this.#decoder.partial) {
      this.#still();
      const all = [...this.#jobs];
      void Promise.race(all).then(() => this.#waiting && this.#watch());
      return;
    }
    if (this.#timer !== undefined && !this.#open) return; // from when the wait began
    this.#still();
    this.#timer = setTimeout(() => {
      this.#say({ form: this.#session ?? "old" }, TIMED_OUT);
      this.#writing.catch(() => {}).finally(() => this.#stream.close());
    }, ms);
  }

  #still(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #report(error: unknown): void {
    const ours = error instanceof PosternError &&
      (error.code.startsWith("wire/") || error.code === "scan/cancelled");
    this.#context.ports.log(ours ? "debug" : "error", "A session ended early", {
      listener: this.#settings.listener,
      client: this.#stream.remoteAddress || "unix socket",
      error: describe(error),
    });
  }
}
