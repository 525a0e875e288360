/** Which mailbox server a session goes to: the configured one, or one of those that a login may name. */
import { PosternError } from "../../errors.ts";

/** One mailbox server. */
export interface MailServer {
  /** As the configuration has it, for logs. */
  readonly text: string;
  readonly hostname: string;
  readonly port: number;
  /** TLS from the first octet on: `pop3s:`, `imaps:`. */
  readonly implicitTls: boolean;
}

/**
 * Parses `pop3://HOST:PORT`, `pop3s://HOST:PORT`, or the same with `imap`.
 *
 * @throws {PosternError} `document/invalid` when it is none; the configuration's schema has the same forms.
 */
export function parseMailServer(text: string): MailServer {
  const match = /^(pop3|imap)(s?):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
  if (!match) throw new PosternError("document/invalid", `Cannot read the server ${text}`);
  return {
    text,
    hostname: match[3]!.replace(/^\[|\]$/g, ""),
    port: Number(match[4]),
    implicitTls: match[2] === "s",
  };
}

/** Where a login goes. */
export interface LoginTarget {
  readonly server: MailServer;
  /** The name that this server is to be told. */
  readonly login: string;
  /** Whether the login named the server. */
  readonly named: boolean;
}

/** The servers of one agent. Nobody is taken to one that is not among them. */
export class ServerBook {
  /** Where logins go that name none. */
  readonly main: MailServer | undefined;
  readonly #named: ReadonlyMap<string, MailServer>;

  /**
   * @param server Where logins go that name none; absent where each has to.
   * @param servers Those that a login may name by `user#HOST` or `user%HOST`.
   */
  constructor(server: string | undefined, servers: readonly string[]) {
    this.main = server === undefined ? undefined : parseMailServer(server);
    const named = servers.map(parseMailServer);
    this.#named = new Map(named.map((each) => [each.hostname.toLowerCase(), each]));
  }

  /**
   * Where a login goes; `undefined` where it names no server that is permitted and there is none for the others. Where no server
   * may be named, `#` and `%` are letters like others.
   */
  choose(login: string): LoginTarget | undefined {
    const at = Math.max(login.lastIndexOf("#"), login.lastIndexOf("%"));
    const named = at < 1 ? undefined : this.#named.get(login.slice(at + 1).toLowerCase());
    if (named) return { server: named, login: login.slice(0, at), named: true };
    return this.main && { server: this.main, login, named: false };
  }
}

/**
 * The address that mail for a login is for, as rules see it: the login where it is an address, else with the domain behind it.
 *
 * @param domain `""` where there is none: the login alone.
 */
export function recipientOf(login: string, domain: string): string {
  const at = login.lastIndexOf("@");
  if (at > 0) return `${login.slice(0, at)}@${login.slice(at + 1).toLowerCase()}`;
  return domain === "" ? login : `${login}@${domain.toLowerCase()}`;
}
