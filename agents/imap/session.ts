import type { MailboxClient } from "../mailbox/gate.ts";
import { recipientOf } from "../mailbox/servers.ts";
import { Reservation } from "../session_books.ts";
import { refusalOf } from "./admission.ts";
import { appendedMessages, decideAppend } from "./append_run.ts";
import { ENABLES, type OwnCapabilities } from "./capabilities.ts";
import type { ClientOutput } from "./client_output.ts";
import { type ClientCommand, CommandIntake, type IntakeView } from "./command_intake.ts";
import { type CommandRow, commandRow } from "./command_table.ts";
import type { ImapContext, ImapSettings } from "./context.ts";
import { type FetchRequest, parseFetch, requestClass } from "./fetch_request.ts";
import { FetchRun } from "./fetch_run.ts";
import type { FragmentInput } from "./fragment_input.ts";
import { MAX_FAILED_LOGINS, MAX_IN_FLIGHT } from "./limits.ts";
import { authenticate, logIn } from "./login.ts";
import { ArgumentReader } from "./pieces.ts";
import type { Item } from "./sections.ts";
import type { Tagged } from "./server_link.ts";
import { Upstream } from "./upstream.ts";

/** What a session has of its connection. */
export interface SessionOptions {
  /** Address of the client. */
  readonly address: string;
  /** Whether it is under TLS from the begin. */
  readonly secure: boolean;
  readonly output: ClientOutput;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** The client may take its time from now on. */
  waits(): void;
  /** So many octets of an upload have come. */
  uploading(octets: number): void;
  /** The server is gone; `text` where the client was not told so by it. */
  closed(text: string | undefined): void;
}

/** How it goes on after a command. */
export type Next = "on" | "end" | "tls";

/** What is selected. */
interface Selected {
  readonly mailbox: string;
  /** Absent where the server gave none: nothing is remembered beyond this selection then. */
  readonly uidValidity?: string;
}

const GREETING = "Postern ready";

/** One client and its server: which command goes where, and what it changes. */
export class ImapSession implements IntakeView {
  readonly #context: ImapContext;
  readonly #settings: ImapSettings;
  readonly #options: SessionOptions;
  readonly #output: ClientOutput;
  readonly #uploads: Reservation;
  readonly #number: number;
  readonly #upstream: Upstream;
  #input: FragmentInput | undefined;
  #intake: CommandIntake | undefined;
  #secure: boolean;
  #client: MailboxClient | undefined;
  #loggingIn = false;
  #preauth = false;
  #failedLogins = 0;
  #selecting: { mailbox: string; uidValidity?: string } | undefined;
  #selected: Selected | undefined;
  #selections = 0;

  constructor(context: ImapContext, options: SessionOptions) {
    this.#context = context;
    this.#settings = context.settings;
    this.#options = options;
    this.#output = options.output;
    this.#secure = options.secure;
    this.#uploads = new Reservation(context.ports);
    this.#number = ++context.sessions;
    this.#upstream = new Upstream(context, {
      output: options.output,
      signal: options.signal,
      own: () => this.#own(),
      code: (code) => this.#code(code),
      closed: (text) => options.closed(text),
    });
  }

  /** The client's side; another one after TLS. */
  set input(input: FragmentInput) {
    this.#input = input;
    this.#intake = new CommandIntake(input, this, this.#uploads);
  }

  /** Reads commands. */
  get intake(): CommandIntake {
    return this.#intake!;
  }

  /** Whether the client is known to the server. */
  get loggedIn(): boolean {
    return this.#client !== undefined;
  }

  /** Longest message that may be uploaded, octets. */
  get messageSize(): number {
    return this.#settings.messageSize;
  }

  /** The connection is under TLS now; what was said before is forgotten. */
  secured(input: FragmentInput): void {
    this.#secure = true;
    this.#failedLogins = 0;
    this.input = input;
  }

  /** Says who is here; connects to the server first, where there is but one. False where it has ended already. */
  async greet(): Promise<boolean> {
    const { servers, named } = this.#context;
    if (named || !servers.main) {
      this.#say(`* OK [CAPABILITY ${this.#upstream.offered}] ${GREETING}`);
      return true;
    }
    const { text, preauth } = await this.#upstream.connect(servers.main);
    const status = preauth ? "PREAUTH" : "OK";
    this.#say(`* ${status} [CAPABILITY ${this.#upstream.offered}] ${text || GREETING}`);
    if (preauth) {
      this.#preauth = true;
      this.#client = this.#clientOf("");
    }
    return true;
  }

  /** Gives back and closes what the session holds. */
  close(): void {
    this.#uploads.release();
    this.#upstream.close();
  }

  // What intake asks.

  /** Whether a command may be given now. */
  check(name: string): CommandRow | string {
    const row = commandRow(name);
    if (row.treatment === "refuse") return `${name} is not available here: ${row.why}`;
    if (row.state === "logged-in" && !this.loggedIn) return "Log in first";
    if (row.state === "before-login" && this.loggedIn) return "Logged in already";
    return row;
  }

  /** Asks for a literal. */
  async goAhead(): Promise<void> {
    this.#say("+ Ready for the literal");
    await this.#output.flush();
  }

  /** A literal comes. */
  received(octets: number): void {
    this.#options.uploading(octets);
  }

  /** A status response code of the server. */
  #code(code: string): void {
    const uidValidity = /^UIDVALIDITY (\d{1,10})$/i.exec(code)?.[1];
    if (uidValidity === undefined) return;
    if (this.#selecting) this.#selecting.uidValidity = uidValidity;
    else if (this.#selected) this.#selected = { ...this.#selected, uidValidity };
  }

  /** What the gate adds to capabilities. */
  #own(): OwnCapabilities {
    const canTls = this.#context.identity !== undefined && !this.#secure && !this.loggedIn &&
      !this.#loggingIn;
    return { startTls: canTls, loginDisabled: this.#mustSecure };
  }

  // Commands.

  /** Carries out one command of the client. */
  async command(command: ClientCommand): Promise<Next> {
    const { tag, name, args } = command;
    const row = commandRow(name);
    const { link } = this.#upstream;
    if (link?.inUse(tag)) return this.#bad(tag, "This tag is in use");
    if (row.treatment === "own") return await this.#special(command);
    if (!link) return this.#nameless(tag, name);
    const pieces = [name, ...args];
    if (row.treatment === "pass") {
      if (link.pending >= MAX_IN_FLIGHT || args.length > 1) await link.quiet();
      await link.send(pieces, { tag });
      return "on";
    }
    await link.quiet();
    if (name === "LOGOUT") this.#upstream.ending = true;
    const { status } = await link.ask(pieces, { tag });
    if (name === "LOGOUT") return "end";
    if (status === "OK" && (name === "CLOSE" || name === "UNSELECT")) this.#selected = undefined;
    return "on";
  }

  async #special(command: ClientCommand): Promise<Next> {
    switch (command.name) {
      case "STARTTLS":
        return this.#startTls(command);
      case "LOGIN":
      case "AUTHENTICATE":
        return await this.#login(command);
      case "ENABLE":
        return await this.#enable(command);
      case "SELECT":
      case "EXAMINE":
        return await this.#select(command);
      case "IDLE":
        return await this.#idle(command);
      case "APPEND":
        return await this.#append(command);
      default:
        return await this.#fetch(command);
    }
  }

  /** Before a login has named its server there is none to ask. */
  #nameless(tag: string, name: string): Next {
    if (name === "CAPABILITY") this.#say(`* CAPABILITY ${this.#upstream.offered}`);
    if (name === "ID") this.#say("* ID NIL");
    if (name === "LOGOUT") this.#say("* BYE Bye");
    this.#say(`${tag} OK ${name} completed`);
    return name === "LOGOUT" ? "end" : "on";
  }

  #startTls({ tag, args }: ClientCommand): Next {
    if (!this.#own().startTls) return this.#bad(tag, "STARTTLS is not offered");
    if (args.join("") !== "") return this.#bad(tag, "STARTTLS takes no arguments");
    this.#say(`${tag} OK Begin TLS negotiation now`);
    return "tls";
  }

  async #login(command: ClientCommand): Promise<Next> {
    const { tag, name } = command;
    if (this.#mustSecure) return this.#no(tag, "[PRIVACYREQUIRED] Use STARTTLS first");
    const session = {
      upstream: this.#upstream,
      servers: this.#context.servers,
      output: this.#output,
      line: () => {
        this.#options.waits();
        return this.intake.line();
      },
    };
    this.#loggingIn = true; // what the server can from now on is for who is logged in
    const end = await (name === "LOGIN" ? logIn : authenticate)(session, command);
    this.#loggingIn = false;
    if (end.kind === "gone") return "end";
    if (end.kind === "answered" && end.end.status === "OK") return this.#loggedIn(tag, end);
    this.#tagged(tag, end.end);
    if (++this.#failedLogins < MAX_FAILED_LOGINS) return "on";
    this.#say("* BYE Too many log-ins have failed");
    return "end";
  }

  /** The server has taken the client; the policy may still not. */
  #loggedIn(tag: string, { end, user }: { readonly end: Tagged; readonly user: string }): Next {
    const client = this.#options.address;
    const refusal = refusalOf(this.#context, { client, tls: this.#secure, user });
    if (refusal === undefined) {
      this.#client = this.#clientOf(user);
      this.#tagged(tag, end);
      return "on";
    }
    this.#say(`${tag} NO ${refusal}\r\n* BYE ${refusal}`);
    return "end";
  }

  async #enable({ tag, args }: ClientCommand): Promise<Next> {
    const words = args.join("").trim().split(/ +/);
    const allowed = words.filter((word) => ENABLES.has(word.toUpperCase()));
    const link = this.#upstream.link!;
    await link.quiet();
    if (allowed.length > 0) await link.ask([`ENABLE ${allowed.join(" ")}`], { tag });
    else if (args.length > 1 || words[0] === "") this.#bad(tag, "Expected ENABLE and capabilities");
    else this.#say(`* ENABLED\r\n${tag} OK Nothing of it can be enabled here`);
    return "on";
  }

  async #select({ tag, name, args }: ClientCommand): Promise<Next> {
    let mailbox: string;
    try {
      const reader = new ArgumentReader(args);
      reader.expect(" ");
      mailbox = reader.astring();
    } catch {
      return this.#bad(tag, `Expected ${name} and a mailbox`);
    }
    const link = this.#upstream.link!;
    await link.quiet();
    this.#selections++;
    this.#selecting = { mailbox: /^inbox$/i.test(mailbox) ? "INBOX" : mailbox };
    const { status } = await link.ask([name, ...args], { tag });
    // A mailbox that cannot be selected leaves none selected; a command that was none leaves all as it is.
    if (status !== "BAD") this.#selected = status === "OK" ? this.#selecting : undefined;
    this.#selecting = undefined;
    return "on";
  }

  async #idle({ tag, args }: ClientCommand): Promise<Next> {
    if (args.join("") !== "") return this.#bad(tag, "IDLE takes no arguments");
    const link = this.#upstream.link!;
    await link.quiet();
    const { end } = await link.send(["IDLE"], { tag });
    const text = await this.#upstream.continued(end);
    if (text === undefined) return "on";
    this.#say(`+ ${text}`);
    await this.#output.flush();
    link.idling = true;
    this.#options.waits();
    const line = await this.intake.line();
    link.idling = false;
    if (line === undefined) return "end";
    await link.line("DONE");
    await end;
    if (/^done$/i.test(line)) return "on";
    this.#say("* BYE Expected DONE");
    return "end";
  }

  async #append({ tag, args }: ClientCommand): Promise<Next> {
    const link = this.#upstream.link!;
    try {
      const messages = appendedMessages(args);
      if (!messages) return this.#bad(tag, "Expected APPEND, a mailbox and messages");
      const { appendDirection } = this.#settings;
      const client = { ...this.#client!, direction: appendDirection };
      const { signal } = this.#options;
      const decision = await decideAppend(
        { context: this.#context, client, signal },
        args,
        messages,
      );
      if (decision.kind === "end") {
        this.#tagged(tag, decision.end);
        return "on";
      }
      await link.quiet();
      await link.ask(["APPEND", ...decision.args], { tag });
      return "on";
    } finally {
      this.#uploads.release();
    }
  }

  async #fetch({ tag, name, args }: ClientCommand): Promise<Next> {
    const link = this.#upstream.link!;
    let request: FetchRequest;
    try {
      request = parseFetch(args, name === "UID FETCH");
    } catch (error) {
      const why = error instanceof Error ? error.message : "malformed";
      return this.#bad(tag, `Error in ${name}: ${why}`);
    }
    if (requestClass(request) === "plain" || !this.#selected) {
      if (link.pending >= MAX_IN_FLIGHT || args.length > 1) await link.quiet();
      await link.send([name, ...args], { tag });
      return "on";
    }
    await link.quiet();
    const mailbox = this.#mailboxKey();
    const run = new FetchRun({
      context: this.#context,
      settings: this.#settings,
      client: this.#client!,
      link,
      output: this.#output,
      signal: this.#options.signal,
      cacheKey: (uid) => `${mailbox} ${uid}`,
      onFetch: (handler) => this.#upstream.onFetch = handler,
      heldBack: (_: number | undefined, item: Item) =>
        this.#upstream.heldBack(`FETCH ${item.name}`),
    }, request);
    this.#tagged(tag, await run.run());
    return "on";
  }

  // The rest.

  get #mustSecure(): boolean {
    return this.#settings.requireTls && !this.#secure;
  }

  /** Names the selected mailbox: of a user who is not known, and of one without UIDVALIDITY, for this session alone. */
  #mailboxKey(): string {
    const { mailbox, uidValidity } = this.#selected!;
    const user = this.#client!.user;
    const own = user === "" || this.#preauth ? this.#number : 0;
    const selection = uidValidity === undefined ? this.#selections : 0;
    const session = selection > 0 ? this.#number : own;
    const { client, tls } = this.#client!; // for which the policy may have other rules
    return JSON.stringify([
      client,
      tls,
      this.#upstream.server!.text,
      user,
      mailbox,
      uidValidity,
      session,
      selection,
    ]);
  }

  #clientOf(login: string): MailboxClient {
    const { listener, hostname, nextHop, direction, domain } = this.#settings;
    const tls = this.#secure;
    return {
      agent: "imap",
      listener,
      hostname,
      nextHop,
      direction,
      client: this.#options.address,
      tls,
      user: login,
      recipient: recipientOf(login, domain),
      protocol: tls ? "IMAPS" : "IMAP",
    };
  }

  #say(text: string): void {
    this.#output.say(`${text}\r\n`);
  }

  #tagged(tag: string, { status, text }: Tagged): void {
    this.#say(`${tag} ${status} ${text}`);
  }

  #bad(tag: string, text: string): Next {
    this.#say(`${tag} BAD ${text}`);
    return "on";
  }

  #no(tag: string, text: string): Next {
    this.#say(`${tag} NO ${text}`);
    return "on";
  }
}
