import { describe } from "../describe.ts";
import type { ConnStream, WireStream } from "../stream.ts";
import { acceptTls } from "../tls.ts";
import type { MailboxContext } from "./context.ts";

/**
 * Takes a client's TLS handshake, with the certificate that the agent has now.
 *
 * @returns `undefined` where it failed, which the log says.
 */
export async function takeHandshake(
  { ports, identity, settings }: MailboxContext,
  below: ConnStream,
): Promise<WireStream | undefined> {
  try {
    return await acceptTls(below, identity!);
  } catch (error) {
    ports.log("info", "A client's TLS handshake failed", {
      listener: settings.listener,
      client: below.remoteAddress,
      error: describe(error),
    });
    return undefined;
  }
}
