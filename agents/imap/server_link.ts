import { PosternError } from "../../errors.ts";
import type { WireStream } from "../stream.ts";
import { filterCapabilities, filterStatusText, type OwnCapabilities } from "./capabilities.ts";
import type { ClientOutput } from "./client_output.ts";
import { type FetchHandler, readFetch } from "./fetch_response.ts";
import { type Fragment, isLiteral } from "./fragment_decoder.ts";
import type { FragmentInput } from "./fragment_input.ts";
import { announce, latin1, octetsOf, type Piece } from "./pieces.ts";
import { parseHead, responseCode, type ResponseHead, type Status, UNTAGGED } from "./responses.ts";

/** How a command ended. */
export interface Tagged {
  readonly status: "OK" | "NO" | "BAD";
  /** What stands behind the status, capabilities filtered. */
  readonly text: string;
}

/** How one command is sent. */
export interface SendOptions {
  /**
   * Tag of the client's command, which is passed on: the client hears the end at once, and responses that name the tag (RFC 4731)
   * name the right one. Absent where the caller says the end.
   */
  readonly tag?: string;
  /** Untagged responses of this command are for the caller alone. */
  readonly quiet?: boolean;
}

/** What the session is told, and asked. */
export interface LinkView {
  /** What becomes of a FETCH response. */
  fetchHandler(number: number): FetchHandler;
  /** Whether flags, dates and numbers of messages go to the client as they come. */
  readonly passesPlain: boolean;
  own(): OwnCapabilities;
  /** The capabilities that the server has, as it wrote them. */
  capabilities(text: string): void;
  /** A status response code: `UIDVALIDITY 12`. */
  code(code: string): void;
  /** What the server says within AUTHENTICATE or IDLE. */
  continuation(text: string): void;
  /** A response was held back, as it is in no table. */
  heldBack(what: string): void;
}

interface Pending {
  /** Whether the client hears of the end as it comes. */
  readonly told: boolean;
  readonly quiet: boolean;
  readonly end: PromiseWithResolvers<Tagged>;
}

type Text = Fragment & { readonly kind: "text" };

/**
 * A FETCH response that has nothing but flags, dates and numbers, in the form that nearly all have: lists of many messages are made
 * of these. What looks otherwise is read item by item.
 */
const PLAIN =
  /^\* \d+ FETCH \((?:(?:UID \d+|FLAGS \([^()"{}]*\)|MODSEQ \(\d+\)|INTERNALDATE "[^"\\]*")(?: (?!\))|(?=\))))+\)$/;

/** The connection to the server: commands go out, and every response is read. */
export class ServerLink {
  readonly #stream: WireStream;
  readonly #input: FragmentInput;
  readonly #output: ClientOutput;
  readonly #view: LinkView;
  readonly #timeMs: number;
  readonly #pending = new Map<string, Pending>();
  /** Begin of the gate's own tags, which no client can know of before. */
  readonly #prefix = `p${crypto.randomUUID().slice(0, 8)}x`;
  #tags = 0;
  #goAhead: ((ready: boolean) => void) | undefined;
  #failure: PosternError | undefined;
  /** Whether the server said BYE. */
  saidBye = false;
  #idling = false;

  /** @param timeMs How long the server may be silent while it owes an answer. */
  constructor(
    stream: WireStream,
    input: FragmentInput,
    output: ClientOutput,
    view: LinkView,
    timeMs: number,
  ) {
    this.#stream = stream;
    this.#input = input;
    this.#output = output;
    this.#view = view;
    this.#timeMs = timeMs;
    input.reading = (waits) => waits ? this.#arm() : stream.deadline(0);
  }

  /** Whether the server waits for the client, and not the other way round. */
  set idling(idling: boolean) {
    this.#idling = idling;
    this.#arm();
  }

  /** Commands that the server has not ended. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Whether a tag cannot be given to another command now. */
  inUse(tag: string): boolean {
    return this.#pending.has(tag) || tag.startsWith(this.#prefix);
  }

  /** Resolves when every command is ended. */
  async quiet(): Promise<void> {
    while (this.#pending.size > 0) {
      const [first] = this.#pending.values();
      await first!.end.promise.catch(() => {});
    }
    if (this.#failure) throw this.#failure;
  }

  /**
   * Sends a command.
   *
   * @returns a promise of its end, once it is written; it rejects when the connection goes.
   * @throws {PosternError} `wire/closed` when the server is gone.
   */
  async send(
    pieces: readonly Piece[],
    { tag, quiet = false }: SendOptions = {},
  ): Promise<{ readonly end: Promise<Tagged> }> {
    if (this.#failure) throw this.#failure;
    const name = tag ?? `${this.#prefix}${(++this.#tags).toString(36)}`;
    const end = Promise.withResolvers<Tagged>();
    end.promise.catch(() => {}); // not everyone waits for it
    this.#pending.set(name, { told: tag !== undefined, quiet, end });
    this.#arm();
    let text = `${name} `;
    for (const piece of pieces) {
      if (typeof piece === "string") {
        text += piece;
        continue;
      }
      // Announced as one that waits to be asked for: a server that refuses the line would read any other's octets as commands.
      await this.#stream.write(octetsOf(`${text}${announce(piece)}\r\n`));
      text = "";
      if (!await this.#mayGoOn(end.promise)) return { end: end.promise };
      await this.#stream.write(piece.octets);
    }
    await this.#stream.write(octetsOf(`${text}\r\n`));
    return { end: end.promise };
  }

  /** Sends a command and waits for its end. */
  async ask(pieces: readonly Piece[], options: SendOptions = {}): Promise<Tagged> {
    const { end } = await this.send(pieces, options);
    return await end;
  }

  /** A line within a command: a response in AUTHENTICATE, the DONE of IDLE. */
  async line(text: string): Promise<void> {
    await this.#stream.write(octetsOf(`${text}\r\n`));
  }

  /** A server that owes nothing may be silent for as long as the client is. */
  #arm(): void {
    this.#stream.deadline(this.#pending.size > 0 && !this.#idling ? this.#timeMs : 0);
  }

  /** Whether the server asked for the literal, and did not end the command. */
  async #mayGoOn(end: Promise<Tagged>): Promise<boolean> {
    const goAhead = new Promise<boolean>((resolve) => this.#goAhead = resolve);
    return await Promise.race([goAhead, end.then(() => false)]).finally(() => {
      this.#goAhead = undefined;
    });
  }

  /** Reads responses until the connection ends; then everything that waits is told. */
  async run(): Promise<void> {
    let failure: unknown;
    try {
      while (true) {
        if (!this.#input.unread) {
          await this.#output.flush();
          this.#arm();
        }
        const fragment = await this.#input.next();
        if (!fragment) break;
        if (fragment.kind === "text") await this.#response(fragment);
      }
    } catch (error) {
      failure = error;
    }
    this.#failure = failure instanceof PosternError
      ? failure
      : new PosternError("wire/closed", "The server closed the connection", { cause: failure });
    for (const { end } of this.#pending.values()) end.reject(this.#failure);
    this.#pending.clear();
    if (failure !== undefined) throw failure;
  }

  async #response(line: Text): Promise<void> {
    const head = parseHead(line.octets);
    switch (head.kind) {
      case "continuation":
        if (this.#goAhead) this.#goAhead(true);
        else this.#view.continuation(head.text);
        return;
      case "tagged":
        return this.#tagged(head);
      case "status":
        return this.#status(head.status, head.text);
      case "data":
        return await this.#data(head, line);
      case "strange":
        this.#view.heldBack(latin1(line.octets.subarray(0, 40)));
        return await this.#skip(line);
    }
  }

  #tagged({ tag, status, text }: ResponseHead & { readonly kind: "tagged" }): void {
    const pending = this.#pending.get(tag);
    if (!pending || status !== "OK" && status !== "NO" && status !== "BAD") {
      return this.#view.heldBack("the end of a command that nobody gave");
    }
    this.#pending.delete(tag);
    this.#codeOf(text);
    const filtered = filterStatusText(text, this.#view.own());
    if (pending.told) this.#output.say(`${tag} ${status} ${filtered}\r\n`);
    pending.end.resolve({ status, text: filtered });
  }

  #status(status: Status, text: string): void {
    if (status === "BYE") this.saidBye = true;
    this.#codeOf(text);
    if (this.#isQuiet && status === "OK" && /^\[CAPABILITY/i.test(text)) return;
    this.#output.say(`* ${status} ${filterStatusText(text, this.#view.own())}\r\n`);
  }

  #codeOf(text: string): void {
    const { code } = responseCode(text);
    if (code === undefined) return;
    if (/^CAPABILITY /i.test(code)) this.#view.capabilities(code.slice("CAPABILITY ".length));
    else this.#view.code(code);
  }

  get #isQuiet(): boolean {
    const [first] = this.#pending.values();
    return first?.quiet ?? false;
  }

  async #data(head: ResponseHead & { readonly kind: "data" }, line: Text): Promise<void> {
    const { name, number } = head;
    if (name === "FETCH" && number !== undefined) {
      if (this.#view.passesPlain && line.end === undefined && PLAIN.test(latin1(line.octets))) {
        this.#output.push(line.octets.slice());
        this.#output.push("\r\n");
        return await this.#output.relieve();
      }
      await readFetch(this.#input, line, this.#view.fetchHandler(number));
      return;
    }
    if (!Object.hasOwn(UNTAGGED, name)) {
      this.#view.heldBack(name);
      return await this.#skip(line);
    }
    if (name === "CAPABILITY") {
      const text = latin1(line.octets).slice("* CAPABILITY ".length);
      this.#view.capabilities(text);
      const offered = filterCapabilities(text, this.#view.own());
      if (!this.#isQuiet) this.#output.say(`* CAPABILITY ${offered}\r\n`);
      return;
    }
    await this.#pass(line);
  }

  /** Passes a response as it came, literals and all. */
  async #pass(first: Text): Promise<void> {
    this.#output.begin();
    let line: Text | undefined = first;
    while (line) {
      this.#output.push(line.octets.slice());
      this.#output.push("\r\n");
      line = await this.#behind(line, (octets) => this.#output.push(octets.slice()));
    }
    this.#output.end();
    await this.#output.relieve();
  }

  async #skip(first: Text): Promise<void> {
    let line: Text | undefined = first;
    while (line) line = await this.#behind(line, () => {});
  }

  /** Reads the literal that a line announces, and gives the line behind it. */
  async #behind(line: Text, take: (octets: Uint8Array) => void): Promise<Text | undefined> {
    if (!isLiteral(line.end)) return undefined;
    let done = line.end.size === 0;
    while (!done) {
      const fragment = await this.#input.next();
      if (fragment?.kind !== "literal") throw closed();
      take(fragment.octets);
      await this.#output.relieve();
      done = fragment.done;
    }
    const next = await this.#input.next();
    if (next?.kind !== "text") throw closed();
    return next;
  }
}

function closed(): PosternError {
  return new PosternError("wire/closed", "The server closed the connection within a response");
}
