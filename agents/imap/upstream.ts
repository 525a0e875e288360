import type { MailServer } from "../mailbox/servers.ts";
import type { OwnCapabilities } from "./capabilities.ts";
import { filterCapabilities } from "./capabilities.ts";
import type { ClientOutput } from "./client_output.ts";
import type { ImapContext } from "./context.ts";
import { FetchGate } from "./fetch_gate.ts";
import type { FetchHandler } from "./fetch_response.ts";
import { greetServer } from "./server_greeting.ts";
import { type LinkView, ServerLink, type Tagged } from "./server_link.ts";

/** What the session tells and is told. */
export interface UpstreamOptions {
  readonly output: ClientOutput;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  own(): OwnCapabilities;
  /** A status response code of the server. */
  code(code: string): void;
  /** The server is gone; `text` where the client was not told so by it. */
  closed(text: string | undefined): void;
}

/** What can be said to a client whose server is not known before it has logged in. */
const NAMELESS_CAPABILITIES = "IMAP4rev1 LITERAL+ ID";

/** The server's side of a session: which server it is, what it can, and what its responses mean now. */
export class Upstream implements LinkView {
  readonly #context: ImapContext;
  readonly #options: UpstreamOptions;
  #link: ServerLink | undefined;
  #stream: { close(): void } | undefined;
  #server: MailServer | undefined;
  #capabilities = NAMELESS_CAPABILITIES;
  #continuation: ((text: string) => void) | undefined;
  #heldBack = 0;
  /** The client wants to go: that the server closes is no surprise. */
  ending = false;
  /** What becomes of FETCH responses; absent: flags alone pass. */
  onFetch: ((number: number) => FetchHandler) | undefined;

  constructor(context: ImapContext, options: UpstreamOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** The connection; absent while no server is known. */
  get link(): ServerLink | undefined {
    return this.#link;
  }

  /** The server that is connected to. */
  get server(): MailServer | undefined {
    return this.#server;
  }

  /** The capabilities that the client is told. */
  get offered(): string {
    return filterCapabilities(this.#capabilities, this.#options.own());
  }

  /**
   * Connects to a server, in the place of the one that was there.
   *
   * @throws {PosternError} as {@link greetServer} does.
   */
  async connect(server: MailServer): Promise<{ text: string; preauth: boolean }> {
    this.#link = undefined;
    this.#stream?.close();
    const { stream, input, text, preauth, capabilities } = await greetServer(
      server,
      this.#context.serverTls,
    );
    const { serverMs } = this.#context.settings;
    const link = new ServerLink(stream, input, this.#options.output, this, serverMs);
    this.#server = server;
    this.#stream = stream;
    this.#link = link;
    this.capabilities(capabilities);
    if (this.ending) stream.close();
    void this.#follow(link, server);
    return { text, preauth };
  }

  /** What the server asks for within a command; `undefined` when it has ended it instead. */
  async continued(end: Promise<Tagged>): Promise<string | undefined> {
    const asked = new Promise<string>((resolve) => this.#continuation = resolve);
    try {
      return await Promise.race([asked, end.then(() => undefined)]);
    } finally {
      this.#continuation = undefined;
    }
  }

  /** Closes the connection. */
  close(): void {
    this.ending = true;
    this.#stream?.close();
  }

  // What the link tells.

  /** What becomes of a FETCH response. Where nobody asked for content, none passes. */
  fetchHandler(number: number): FetchHandler {
    if (this.onFetch) return this.onFetch(number);
    return new FetchGate(this.#options.output, {
      known: () => undefined,
      overview: false,
      heldBack: (_, item) => this.heldBack(`FETCH ${item.name}`),
      room: () => Promise.resolve(false),
    }, number);
  }

  /** Whether nobody but the client waits for flags and numbers. */
  get passesPlain(): boolean {
    return this.onFetch === undefined;
  }

  /** What the gate adds to capabilities. */
  own(): OwnCapabilities {
    return this.#options.own();
  }

  /** The server told its capabilities. */
  capabilities(text: string): void {
    this.#capabilities = text;
  }

  /** A response code. */
  code(code: string): void {
    this.#options.code(code);
  }

  /** The server asks for something within a command. */
  continuation(text: string): void {
    this.#continuation?.(text);
  }

  /** Something was kept from the client. */
  heldBack(what: string): void {
    if (this.#heldBack++ > 0) return; // once a session is enough for the log
    this.#context.ports.log("warning", "A server's response was held back: nobody asked for it", {
      listener: this.#context.settings.listener,
      response: what,
    });
  }

  /** Reads the server's responses to their end. */
  async #follow(link: ServerLink, server: MailServer): Promise<void> {
    let failure: unknown;
    try {
      await link.run();
    } catch (error) {
      failure = error;
    }
    if (this.#link !== link || this.ending || this.#options.signal.aborted) return;
    if (failure !== undefined) {
      this.#context.ports.log("warning", "A session with a mailbox server broke", {
        listener: this.#context.settings.listener,
        server: server.text,
        error: failure instanceof Error ? failure.message : String(failure),
      });
    }
    this.#options.closed(link.saidBye ? undefined : "The mail server closed the connection");
  }
}
