/** Sessions of redirected clients: each goes to the mailbox server that its client was going to. */
import { describe } from "../describe.ts";
import type { ConnStream } from "../stream.ts";
import { destinationOf, sharing, type TransparentRules } from "../transparent.ts";
import type { MailboxContext } from "./context.ts";
import { ServerBook } from "./servers.ts";

/** How long a client that is refused may take to read it, ms. */
const REFUSAL_MS = 5000;

/**
 * The context of a redirected client's session.
 *
 * @param scheme Of the server: TLS from the first octet on where the client's connection has it.
 * @param refusal Line that a client hears who was not redirected, or to where nobody is led.
 * @returns `undefined` where the client was refused.
 */
export async function redirectedContext<Context extends MailboxContext>(
  context: Context,
  stream: ConnStream,
  rules: TransparentRules,
  scheme: "pop3" | "imap",
  refusal: string,
): Promise<Context | undefined> {
  const { ports, settings, implicitTls } = context;
  try {
    const { text } = await destinationOf(ports, stream, rules);
    const servers = new ServerBook(`${scheme}${implicitTls ? "s" : ""}://${text}`, []);
    return sharing<Context>(context, { servers } as Partial<Context>);
  } catch (error) {
    ports.log("warning", "Refused a connection", {
      listener: settings.listener,
      error: describe(error),
    });
    if (implicitTls) return undefined; // nothing can be said in clear
    stream.deadline(REFUSAL_MS);
    await stream.write(new TextEncoder().encode(refusal));
    return undefined;
  }
}
