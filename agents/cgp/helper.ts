/**
 * The CommuniGate Pro helper: an external filter that the server starts and asks by lines. Requests are worked on at the same time
 * and answered in the order in which they are done.
 */
import type { ProcessAnswer, ProcessRequest } from "../pipe/process.ts";
import { readMessageFile } from "./envelope_file.ts";
import { MAX_CONCURRENT, MAX_REPLY_OCTETS, RETRY_MS } from "./limits.ts";
import { type CgpRequest, quoted, readRequest, replyLine } from "./request.ts";

/** Newest version of the helper interface that is spoken here. */
const INTERFACE = 4;

/** What the helper reaches. */
export interface CgpWorld {
  /** Reads a message file; its path is as the server names it. */
  readFile(path: string): Promise<Uint8Array>;
  /** Takes a message through scan and policy. */
  process(request: ProcessRequest, message: Uint8Array): Promise<ProcessAnswer>;
  /** Writes one line, its end included. */
  write(line: string): void;
  /** Resolves after this time, ms. */
  pause(ms: number): Promise<void>;
}

/** How it answers. */
export interface CgpOptions {
  /** Name of this gate in logs and rules. */
  readonly listener: string;
  /** Final word for what is refused. */
  readonly refused: "ERROR" | "REJECTED" | "DISCARD";
  /**
   * What becomes of a message that is to be deferred, which the server has no word for: `hold` tries it again without an answer
   * (the server keeps it in its queue), `refuse` gives it back to its sender, `failure` says that it was not processed, with which
   * the server delivers it.
   */
  readonly deferred: "hold" | "refuse" | "failure";
}

/**
 * Serves until the lines end and every request is answered; what is held is let go of then, and the server asks again.
 *
 * @param lines As the server writes them, without their ends.
 */
export async function runHelper(
  lines: AsyncIterable<string>,
  world: CgpWorld,
  options: CgpOptions,
): Promise<void> {
  const helper = new Helper(world, options);
  for await (const line of lines) await helper.take(line);
  await helper.end();
}

class Helper {
  readonly #world: CgpWorld;
  readonly #options: CgpOptions;
  readonly #working = new Set<Promise<void>>();
  /** Turns of messages under way. One that is held gives its turn back while it waits: else a few would stop all others. */
  #free: number = MAX_CONCURRENT;
  readonly #waiting: (() => void)[] = [];
  readonly #ended = Promise.withResolvers<"ended">();
  #interface = 2;

  constructor(world: CgpWorld, options: CgpOptions) {
    this.#world = world;
    this.#options = options;
  }

  async take(line: string): Promise<void> {
    if (line.trim() === "") return;
    const request = readRequest(line);
    if (!request) {
      this.#say("* A line that is no request was ignored");
      return;
    }
    const { sequence, command, argument } = request;
    switch (command) {
      case "INTF": {
        const offered = Number.parseInt(argument, 10);
        this.#interface = Number.isNaN(offered) ? 2 : Math.min(offered, INTERFACE);
        this.#say(`${sequence} INTF ${this.#interface}`);
        return;
      }
      case "KEY":
      case "QUIT":
        this.#say(`${sequence} OK`);
        return;
      case "FILE": {
        await this.#takeTurn(); // here, so that no more lines are read than are worked on
        const work = this.#answer(request).finally(() => this.#working.delete(work));
        this.#working.add(work);
        return;
      }
      default:
        this.#say(`${sequence} ERROR unknown command ${command}`);
    }
  }

  async end(): Promise<void> {
    this.#ended.resolve("ended");
    await Promise.all(this.#working);
  }

  /** Begins with a turn. */
  async #answer({ sequence, argument }: CgpRequest): Promise<void> {
    let pause: number = RETRY_MS.first;
    for (;;) {
      const word = await this.#once(sequence, argument).finally(() => this.#giveTurn());
      if (word !== undefined) {
        this.#say(`${sequence} ${word}`);
        return;
      }
      if (await Promise.race([this.#world.pause(pause), this.#ended.promise]) === "ended") return;
      pause = Math.min(pause * 2, RETRY_MS.longest);
      await this.#takeTurn();
    }
  }

  async #takeTurn(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #giveTurn(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }

  /** The reply; `undefined` where the message is held. */
  async #once(sequence: string, path: string): Promise<string | undefined> {
    let octets: Uint8Array;
    try {
      octets = await this.#world.readFile(path);
    } catch (error) {
      // The server's file, and it is not there: not the message's fault, and no reason to let it pass.
      return this.#defer(sequence, `cannot read ${path}: ${textOf(error)}`);
    }
    const file = readMessageFile(octets);
    if (!file) return this.#defer(sequence, `${path} has no envelope that ends`);
    const { envelope, message } = file;
    if (envelope.recipients.length === 0) {
      return this.#defer(sequence, `${path} names no recipient`);
    }
    try {
      const request = {
        agent: "cgp",
        listener: this.#options.listener,
        envelope,
        fixed: true,
      } as const;
      return this.#wordFor(sequence, await this.#world.process(request, message));
    } catch (error) {
      return this.#defer(sequence, textOf(error));
    }
  }

  #wordFor(sequence: string, answer: ProcessAnswer): string | undefined {
    const why = answer.reply ?? answer.by;
    switch (answer.action) {
      case "accept":
        return this.#acceptWith(answer.fields ?? []);
      case "reject":
        return this.#refuse(why);
      case "discard":
      case "quarantine":
        return "DISCARD";
      case "redirect":
        return this.#defer(sequence, "the policy redirects the message, which a helper cannot do");
      case "defer":
        return this.#defer(sequence, why);
    }
  }

  #acceptWith(fields: readonly { readonly name: string; readonly value: string }[]): string {
    if (fields.length === 0 || this.#interface < 3) return "OK";
    const text = fields.map(({ name, value }) => `${name}: ${value}`).join("\n");
    const header = `ADDHEADER ${quoted(text, MAX_REPLY_OCTETS / 2)}`;
    return this.#interface >= 4 ? `${header} OK` : header;
  }

  #refuse(why: string): string {
    const { refused } = this.#options;
    return refused === "DISCARD" ? refused : `${refused} ${why}`;
  }

  #defer(sequence: string, why: string): string | undefined {
    switch (this.#options.deferred) {
      case "hold":
        this.#say(`* request ${sequence} is held: ${why}`);
        return undefined;
      case "refuse":
        return this.#refuse(why);
      case "failure":
        return `FAILURE ${why}`;
    }
  }

  #say(text: string): void {
    this.#world.write(replyLine(text));
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
