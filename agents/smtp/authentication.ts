/**
 * AUTH (RFC 4954), passed on: the next hop knows the passwords, and what it says is what the client hears. The connection on which a
 * client proved himself is his: his mail goes over it, and nobody else's does.
 */
import { PosternError } from "../../errors.ts";
import { describe } from "../describe.ts";
import { isPassedOn, SaslExchange } from "../sasl.ts";
import { MAX_SASL_STEPS } from "./limits.ts";
import type { HopOffers, NextHopPool, RelaySender } from "./relay_client.ts";
import { RelayTransaction } from "./relay_client.ts";
import type { RelayConnection } from "./relay_connection.ts";
import type { Reply } from "./replies.ts";
import { isSuccess, relayed } from "./reply_reader.ts";

/** When AUTH is offered. */
export type AuthMode = "none" | "tls" | "always";

/** What the exchange says to the client, and hears of him. */
export interface AuthDialogue {
  say(reply: Reply): Promise<void>;
  /** The client's next line; `undefined` where he is gone. */
  line(): Promise<string | undefined>;
}

/** How an exchange ended. */
export interface AuthEnd {
  readonly reply: Reply;
  /** Where he proved himself. */
  readonly login?: { readonly user: string | undefined; readonly hop: AuthenticatedHop };
}

/**
 * Why AUTH is refused before the next hop is asked; `undefined` where it is not.
 *
 * @param argument `MECHANISM [initial response]`
 * @param mechanisms What is offered now.
 */
export function refuseAuth(argument: string, mechanisms: readonly string[]): Reply | undefined {
  const match = /^([A-Za-z0-9_-]{1,20})(?: ([A-Za-z0-9+/=]+|=))?$/.exec(argument);
  if (!match) return "501 5.5.4 Syntax: AUTH mechanism [initial-response]";
  if (mechanisms.includes(match[1]!.toUpperCase())) return undefined;
  return "504 5.5.4 Authentication mechanism not offered";
}

/** The mechanisms of a next hop's EHLO that can be passed on. */
export function passedOn(mechanisms: readonly string[]): readonly string[] {
  return mechanisms.map((each) => each.toUpperCase()).filter(isPassedOn);
}

/**
 * Leads one exchange.
 *
 * @param argument Checked by {@link refuseAuth}.
 * @returns `undefined` where the client went away.
 */
export async function authenticate(
  pool: NextHopPool,
  argument: string,
  dialogue: AuthDialogue,
): Promise<AuthEnd | undefined> {
  const [mechanism = "", initial] = argument.split(" ");
  const exchange = new SaslExchange(mechanism);
  if (initial !== undefined && !exchange.response(initial)) {
    return { reply: "501 5.5.2 Cannot decode the response" };
  }
  let connection: RelayConnection;
  try {
    ({ connection } = await pool.take(true));
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return { reply: `454 4.7.0 The next hop cannot be asked: ${describe(error)}` };
  }
  let kept = false;
  try {
    let [reply] = await connection.commands([`AUTH ${argument}`]);
    while (reply?.code === 334) {
      await dialogue.say(`334 ${reply.lines[0] ?? ""}`);
      const line = await dialogue.line();
      if (line === undefined) return undefined;
      const readable = line === "*" || exchange.response(line);
      const goOn = readable && exchange.steps <= MAX_SASL_STEPS;
      [reply] = await connection.commands([goOn ? line : "*"]);
      if (!goOn) return { reply: "501 5.5.2 Cannot decode the response" };
    }
    if (!reply || !isSuccess(reply)) {
      return { reply: reply ? relayed(reply) : "454 4.7.0 No answer of the next hop" };
    }
    kept = true;
    const hop = new AuthenticatedHop(connection, pool.offers);
    return { reply: relayed(reply), login: { user: exchange.user, hop } };
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return { reply: `454 4.7.0 The next hop cannot be asked: ${describe(error)}` };
  } finally {
    if (!kept) connection.close();
  }
}

/** A session, as far as an exchange reads its lines. */
interface LineSource {
  input(octets: Uint8Array): void;
  line(): string | undefined;
}

/**
 * The client's next line.
 *
 * @param read The next octets; `undefined` at the end.
 * @returns `undefined` where he is gone, was silent for too long, or sends what is no line.
 */
export async function lineOf(
  session: LineSource,
  read: () => Promise<Uint8Array | undefined>,
): Promise<string | undefined> {
  try {
    for (let line = session.line();; line = session.line()) {
      if (line !== undefined) return line;
      const octets = await read();
      if (octets === undefined) return undefined;
      session.input(octets);
    }
  } catch (error) {
    if (error instanceof PosternError) return undefined;
    throw error;
  }
}

/** The one connection of a client who has proved himself, in the place of the pool. */
export class AuthenticatedHop implements NextHopPool {
  readonly offers: HopOffers | undefined;
  #connection: RelayConnection | undefined;
  #idle = true;

  constructor(connection: RelayConnection, offers: HopOffers | undefined) {
    this.#connection = connection;
    this.offers = offers;
  }

  get idle(): number {
    return this.#idle ? 1 : 0;
  }

  learn(): Promise<void> {
    return Promise.resolve();
  }

  begin(sender: RelaySender): RelayTransaction {
    return new RelayTransaction(this, sender);
  }

  /** @throws {PosternError} `smtp/unavailable` where it is gone: another one would be nobody's. */
  async take(fresh: boolean): Promise<{ connection: RelayConnection; reused: boolean }> {
    const connection = this.#connection;
    await connection?.resetting; // the transaction before is just being given up
    if (!connection || !this.#idle || fresh || connection.transactions === Infinity) {
      this.close();
      throw new PosternError(
        "smtp/unavailable",
        "The connection that the client logged in on is gone",
      );
    }
    this.#idle = false;
    return { connection, reused: true };
  }

  put(connection: RelayConnection): void {
    if (connection === this.#connection) this.#idle = true;
    else void connection.quit();
  }

  close(): void {
    void this.#connection?.quit();
    this.#connection = undefined;
  }
}
