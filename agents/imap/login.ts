/** LOGIN and AUTHENTICATE: passed to the server as they are; who it is decides whose policy holds. */
import { MAX_LOGIN_OCTETS } from "../mailbox/limits.ts";
import { isPassedOn, SaslExchange } from "../sasl.ts";
import type { ServerBook } from "../mailbox/servers.ts";
import type { ClientOutput } from "./client_output.ts";
import type { ClientCommand } from "./command_intake.ts";
import { ArgumentReader, octetsOf, type Piece, stringPiece } from "./pieces.ts";
import type { Tagged } from "./server_link.ts";
import type { Upstream } from "./upstream.ts";

/** What a log-in needs of its session. */
export interface LoginSession {
  readonly upstream: Upstream;
  readonly servers: ServerBook;
  readonly output: ClientOutput;
  /** A line of the client within the command; `undefined` when it is gone. */
  line(): Promise<string | undefined>;
}

/** How a log-in ended. */
export type LoginEnd =
  /** The server has answered; the client has not heard it yet. */
  | { readonly kind: "answered"; readonly end: Tagged; readonly user: string }
  /** It did not come to the server. */
  | { readonly kind: "refused"; readonly end: Tagged }
  | { readonly kind: "gone" };

const refused = (status: "NO" | "BAD", text: string): LoginEnd => ({
  kind: "refused",
  end: { status, text },
});

/** LOGIN: RFC 9051, section 6.2.3. Where the name has a server in it, that server is connected to. */
export async function logIn(
  { upstream, servers }: LoginSession,
  { args }: ClientCommand,
): Promise<LoginEnd> {
  const words = nameAndPassword(args);
  if (!words) return refused("BAD", "Expected LOGIN, a name and a password");
  const [login, password] = words;
  const target = servers.choose(login);
  if (!target) return refused("NO", "[AUTHENTICATIONFAILED] Log in as NAME#SERVER");
  if (target.server !== upstream.server || !upstream.link) await upstream.connect(target.server);
  const link = upstream.link!;
  const pieces = target.named ? [" ", stringPiece(target.login), " ", stringPiece(password)] : args;
  await link.quiet();
  const end = await link.ask(["LOGIN", ...pieces]);
  const user = new TextDecoder().decode(octetsOf(target.login));
  return { kind: "answered", end, user };
}

function nameAndPassword(args: readonly Piece[]): readonly [string, string] | undefined {
  try {
    const reader = new ArgumentReader(args);
    reader.expect(" ");
    const login = reader.astring();
    reader.expect(" ");
    const password = reader.astring();
    return reader.atEnd && login.length <= MAX_LOGIN_OCTETS ? [login, password] : undefined;
  } catch {
    return undefined;
  }
}

/** AUTHENTICATE: RFC 9051, section 6.2.2, with the initial response of RFC 4959. */
export async function authenticate(
  { upstream, output, line }: LoginSession,
  { args }: ClientCommand,
): Promise<LoginEnd> {
  const match = args.length === 1 && /^ ([A-Za-z0-9_-]{1,40})(?: (\S+))?$/.exec(args[0] as string);
  if (!match) return refused("BAD", "Expected AUTHENTICATE and a mechanism");
  const [, mechanism, initial] = match;
  const { link } = upstream;
  if (!link || !isPassedOn(mechanism!)) {
    return refused("NO", "[CANNOT] This mechanism is not available here");
  }
  const exchange = new SaslExchange(mechanism!);
  if (initial !== undefined && !exchange.response(initial)) return refused("BAD", "Invalid base64");
  await link.quiet();
  const { end } = await link.send(["AUTHENTICATE", ...args]);
  while (true) {
    const text = await upstream.continued(end);
    if (text === undefined) break;
    output.say(`+ ${text}\r\n`);
    await output.flush();
    const response = await line();
    if (response === undefined) return { kind: "gone" };
    // A response that the gate cannot read is none that the server should.
    await link.line(response === "*" || !exchange.response(response) ? "*" : response);
  }
  return { kind: "answered", end: await end, user: exchange.user ?? "" };
}
