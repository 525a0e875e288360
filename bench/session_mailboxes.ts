/** The mailbox server of sessions.ts, for POP3, a worker: told a message and users, tells its port. */
import { TestMailboxes } from "../commands/selftest/mailboxes.ts";

interface Told {
  readonly octets: Uint8Array;
  /** Where 16 octets make each message differ. */
  readonly slot: number;
  readonly users: readonly string[];
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Told>) => void) | null;
  postMessage(message: number): void;
};
scope.onmessage = ({ data: { octets, slot, users } }) => {
  const mailboxes = new TestMailboxes();
  for (const [i, user] of users.entries()) {
    const own = octets.slice();
    own.set(new TextEncoder().encode(String(i).padStart(16, "0")), slot);
    mailboxes.put(user, own);
  }
  scope.postMessage(mailboxes.port);
};
