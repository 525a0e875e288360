/** What a client says before it has logged in, and the way from there to its mailbox: RFC 1939, section 4; RFC 2595; RFC 5034. */
import { decide } from "../../policy/decide.ts";
import { PosternError } from "../../errors.ts";
import { describe } from "../describe.ts";
import { clientSource, textOf } from "../mailbox/gate.ts";
import { type LoginTarget, recipientOf } from "../mailbox/servers.ts";
import { MAX_LOGIN_OCTETS } from "../mailbox/limits.ts";
import { newQueueId } from "../queue_id.ts";
import { recordRefusal } from "../session_books.ts";
import { senderFacts } from "../way.ts";
import { offeredCapabilities } from "./capabilities.ts";
import { type Command, octetsOf, parseCommand } from "./command.ts";
import type { Pop3Context, Pop3Settings } from "./context.ts";
import { MAX_COMMAND_OCTETS, MAX_ERRORS, MAX_LOGINS, MAX_SASL_STEPS } from "./limits.ts";
import { isPassedOn, SaslExchange } from "../sasl.ts";
import { Pop3Server } from "./server.ts";
import type { Status } from "./response_reader.ts";
import { languages } from "./listing.ts";
import { type Answer, err, ok, statusOf } from "./session_types.ts";
import { Transaction } from "./transaction.ts";

type State =
  | { readonly name: "authorization"; readonly login?: LoginTarget }
  /** An AUTH exchange: the next line is a response. */
  | { readonly name: "sasl"; readonly exchange: SaslExchange; readonly server: Pop3Server }
  | { readonly name: "transaction"; readonly transaction: Transaction }
  | { readonly name: "closed" };

const UNAVAILABLE = "[SYS/TEMP] The mailbox server cannot be reached, try again later";

/** One session: what a line of the client comes to. The runner reads and writes the client's connection. */
export class Pop3Session {
  readonly #context: Pop3Context;
  readonly #settings: Pop3Settings;
  readonly #address: string;
  readonly #id: string;
  /** Writes to the client, in order with the answers. */
  readonly #write: (octets: Uint8Array) => Promise<void>;
  #state: State = { name: "authorization" };
  #server: Pop3Server | undefined;
  #secure: boolean;
  #errors = 0;
  #logins = 0;

  constructor(
    context: Pop3Context,
    settings: Pop3Settings,
    client: { readonly address: string; readonly secure: boolean },
    write: (octets: Uint8Array) => Promise<void>,
  ) {
    this.#context = context;
    this.#settings = settings;
    this.#address = client.address;
    this.#secure = client.secure;
    this.#write = write;
    this.#id = String(context.sessions++);
  }

  /** Whether the client has logged in. */
  get loggedIn(): boolean {
    return this.#state.name === "transaction";
  }

  /** The first line: the server's greeting, whose timestamp APOP needs. */
  async open(): Promise<Answer> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return { ...err(refusal), end: true };
    if (this.#context.named) return ok("Postern ready");
    const server = await this.#connect(this.#context.servers.main!);
    return server ? ok(server.greeting) : { ...err(UNAVAILABLE), end: true };
  }

  /** TLS is up. What was said before counts no more: RFC 2595, section 4. */
  secured(): void {
    this.#secure = true;
    this.#enter({ name: "authorization" });
  }

  /** The connection is over. Without QUIT the server deletes nothing. */
  close(): void {
    if (this.#state.name === "transaction") this.#state.transaction.close();
    this.#enter({ name: "closed" });
    this.#server?.close();
  }

  /**
   * One line of the client.
   *
   * @param signal Aborted when the client goes away.
   * @throws {PosternError} `scan/cancelled` when it did; else what went wrong is an answer.
   */
  async line(line: Uint8Array, signal: AbortSignal): Promise<Answer> {
    try {
      const state = this.#state;
      const answer = state.name === "sasl"
        ? await this.#saslResponse(state, line)
        : await this.#command(line, signal);
      if (!answer.failed) return answer;
      this.#errors++;
      if (this.#errors < MAX_ERRORS) return answer;
      return { ...err("Too many errors"), end: true };
    } catch (error) {
      if (signal.aborted || !(error instanceof PosternError)) throw error;
      this.#context.ports.log("warning", "A mailbox server failed", {
        listener: this.#settings.listener,
        server: this.#server?.server.text ?? "",
        error: describe(error),
      });
      return { ...err("[SYS/TEMP] The mailbox server failed, try again later"), end: true };
    }
  }

  async #command(line: Uint8Array, signal: AbortSignal): Promise<Answer> {
    if (line.length > MAX_COMMAND_OCTETS && !isAuth(line)) return err("Line is too long");
    const command = parseCommand(line);
    // A lone CR cannot be here; NUL and its like belong into no command, nor does a server want them.
    if (line.some((octet) => octet < 32 || octet === 127)) return err("Invalid characters");
    if (command.keyword === "CAPA") return await this.#capa();
    if (command.keyword === "QUIT") return await this.#quit();
    if (this.#state.name === "transaction") {
      return await this.#state.transaction.command(command, signal);
    }
    switch (command.keyword) {
      case "USER":
        return await this.#user(command);
      case "PASS":
        return await this.#pass(command);
      case "APOP":
        return await this.#apop(command);
      case "AUTH":
        return await this.#auth(command);
      case "STLS":
        return this.#stls();
      case "UTF8":
      case "LANG":
        return await this.#language(command);
      default:
        return err("Unknown command, or not before login");
    }
  }

  /** RFC 2449, section 5: only what works through here. */
  async #capa(): Promise<Answer> {
    const { named, identity } = this.#context;
    const stls = identity !== undefined && !this.#secure;
    const lines = offeredCapabilities({
      server: await this.#server?.capabilities(),
      stls: stls && !this.loggedIn,
      login: this.loggedIn || !this.#tlsFirst(),
      sasl: !named,
    });
    await this.#write(octetsOf(`+OK Capability list follows\r\n${lines.join("\r\n")}\r\n.\r\n`));
    return { failed: false };
  }

  /** The server's word on it is the client's: with it deletions last. */
  async #quit(): Promise<Answer> {
    const status = await this.#server?.quit() ?? { kind: "ok", text: "Bye" };
    return { ...statusOf(status), end: true };
  }

  async #user({ argument }: Command): Promise<Answer> {
    if (this.#tlsFirst()) return err("Use STLS first");
    if (argument === "" || argument.length > MAX_LOGIN_OCTETS) return err("USER needs a name");
    const target = this.#context.servers.choose(argument);
    if (!target) return err("[AUTH] Log in as NAME#SERVER with a server that is served here");
    const server = await this.#serverOf(target);
    if (!server) return { ...err(UNAVAILABLE), end: true };
    const status = await server.command(`USER ${target.login}`);
    this.#enter({
      name: "authorization",
      ...(status.kind === "ok" ? { login: target } : {}),
    });
    return statusOf(status);
  }

  async #pass({ argument }: Command): Promise<Answer> {
    if (this.#state.name !== "authorization" || !this.#state.login || !this.#server) {
      return err("Send USER first");
    }
    const { login } = this.#state;
    this.#enter({ name: "authorization" });
    const status = await this.#server.command(`PASS ${argument}`);
    return this.#answered(status, this.#server, nameFrom(login.login));
  }

  /** RFC 1939, section 7: the digest is over the server's own timestamp, which the greeting has brought. */
  async #apop({ argument }: Command): Promise<Answer> {
    if (this.#tlsFirst()) return err("Use STLS first");
    const name = argument.slice(0, argument.lastIndexOf(" "));
    if (argument.lastIndexOf(" ") < 1 || name.length > MAX_LOGIN_OCTETS) {
      return err("APOP needs a name and a digest");
    }
    if (!this.#server || this.#context.named) return err("APOP is not to be had here, use USER");
    const status = await this.#server.command(`APOP ${argument}`);
    return this.#answered(status, this.#server, nameFrom(name));
  }

  async #auth({ argument }: Command): Promise<Answer> {
    if (this.#tlsFirst()) return err("Use STLS first");
    if (!this.#server || this.#context.named) return err("AUTH is not to be had here, use USER");
    const server = this.#server;
    const [mechanism = "", ...initial] = argument.split(" ");
    if (mechanism === "") return await this.#mechanisms(server);
    if (!isPassedOn(mechanism) || initial.length > 1) return err("Unknown mechanism");
    const exchange = new SaslExchange(mechanism);
    if (initial[0] !== undefined && !exchange.response(initial[0])) return err("Invalid base64");
    const status = await server.command(`AUTH ${argument}`);
    return this.#challenged(status, exchange, server);
  }

  async #saslResponse(state: State & { name: "sasl" }, line: Uint8Array): Promise<Answer> {
    const { exchange, server } = state;
    const text = String.fromCharCode(...line);
    const wrong = text !== "*" && !exchange.response(text);
    const status = await server.command(wrong ? "*" : text); // RFC 5034, section 4: cancels
    return this.#challenged(status, exchange, server);
  }

  #challenged(status: Status, exchange: SaslExchange, server: Pop3Server): Answer {
    if (status.kind !== "continue") return this.#answered(status, server, exchange.user);
    if (exchange.steps > MAX_SASL_STEPS) return { ...err("Too many responses"), end: true };
    this.#enter({ name: "sasl", exchange, server });
    return { line: `+ ${status.text}`, failed: false };
  }

  /** AUTH without a mechanism asks for a list of them, by a custom older than CAPA. */
  async #mechanisms(server: Pop3Server): Promise<Answer> {
    const known: string[] = [];
    const status = await server.list("AUTH", (line) => {
      if (isPassedOn(line)) known.push(line);
    });
    if (status.kind !== "ok") return statusOf(status);
    const lines = ["+OK", ...known, "."];
    await this.#write(octetsOf(`${lines.join("\r\n")}\r\n`));
    return { failed: false };
  }

  #stls(): Answer {
    if (!this.#context.identity) return err("There is no TLS here");
    if (this.#secure) return err("TLS is up already");
    return { ...ok("Begin TLS"), startTls: true };
  }

  /** RFC 6856: UTF8, and LANG, whose listing has several lines. */
  async #language({ keyword, argument }: Command): Promise<Answer> {
    if (!this.#server) return err("Send USER first");
    const line = argument === "" ? keyword : `${keyword} ${argument}`;
    if (keyword === "UTF8" || argument !== "") return statusOf(await this.#server.command(line));
    return await languages(this.#server, this.#write);
  }

  /** The client's login as the server has answered it; who is in is asked about once more, now that there is a name. */
  #answered(status: Status, server: Pop3Server, user: string | undefined): Answer {
    this.#enter({ name: "authorization" });
    if (status.kind !== "ok") {
      this.#logins++;
      const answer = status.kind === "continue"
        ? err("The server asks for more")
        : statusOf(status);
      return this.#logins < MAX_LOGINS ? answer : { ...answer, end: true };
    }
    if (user === undefined) return { ...err("[AUTH] The login has no name"), end: true };
    const refusal = this.#refusal(user);
    if (refusal !== undefined) return { ...err(refusal), end: true };
    const { listener, hostname, direction, nextHop, domain } = this.#settings;
    const transaction = new Transaction(this.#context, this.#settings, server, {
      agent: "pop3",
      listener,
      hostname,
      nextHop,
      direction,
      client: this.#address,
      tls: this.#secure,
      user,
      recipient: recipientOf(user, domain),
      protocol: this.#secure ? "POP3S" : "POP3",
    }, { id: this.#id, write: this.#write });
    this.#enter({ name: "transaction", transaction });
    return statusOf(status);
  }

  /** What the policy says of the client, and of the user once there is one; `undefined` where they may go on. */
  #refusal(user?: string): string | undefined {
    const { ports } = this.#context;
    const { listener, hostname, direction, nextHop } = this.#settings;
    const source = clientSource({
      agent: "pop3",
      listener,
      hostname,
      nextHop,
      direction,
      client: this.#address,
      tls: this.#secure,
      ...(user === undefined ? {} : { user }),
    }, ports.policy());
    const phase = user === undefined ? "connect" : "sender"; // from which on rules on users and TLS can be decided
    const outcome = decide(source.tree, phase, senderFacts(source));
    if (!outcome.final || (outcome.action !== "reject" && outcome.action !== "defer")) {
      return undefined;
    }
    const refusal = outcome.action === "defer"
      ? `[SYS/TEMP] ${textOf(outcome.reply, "Try again later")}`
      : `[SYS/PERM] ${textOf(outcome.reply, "Refused by policy")}`;
    recordRefusal(ports, source, newQueueId(), [], `-ERR ${refusal}`, outcome, phase);
    return refusal;
  }

  /** The server of a login: the one that is there, or the one that it names. */
  async #serverOf({ server }: LoginTarget): Promise<Pop3Server | undefined> {
    if (this.#server?.server === server) return this.#server;
    this.#server?.close();
    return await this.#connect(server);
  }

  async #connect(to: LoginTarget["server"]): Promise<Pop3Server | undefined> {
    this.#server = undefined;
    try {
      const { serverTls } = this.#context;
      const server = await Pop3Server.open(to, serverTls, this.#settings.serverMs);
      if (this.#state.name === "closed") server.close();
      return this.#server = server;
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      this.#context.ports.log("warning", "Cannot reach a mailbox server", {
        listener: this.#settings.listener,
        server: to.text,
        error: describe(error),
      });
      return undefined;
    }
  }

  #tlsFirst(): boolean {
    return this.#settings.requireTls && !this.#secure;
  }

  #enter(next: State): void {
    if (this.#state.name !== "closed") this.#state = next;
  }
}

/** A name as it stood in a command: octets, UTF-8 where they are not ASCII (RFC 6856, section 2.2). */
function nameFrom(argument: string): string {
  return new TextDecoder().decode(octetsOf(argument));
}

function isAuth(line: Uint8Array): boolean {
  return String.fromCharCode(...line.subarray(0, 5)).toUpperCase() === "AUTH ";
}
