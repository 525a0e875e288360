/** A Dovecot of the test's own whose mailboxes are read by IMAP or POP3; beside any other on the machine. */
import { freePort } from "../wait.ts";
import { runDovecot } from "./dovecot.ts";
import type { Process } from "./process.ts";

/** What of it is to be reached. */
export interface MailboxServerOptions {
  /** Users with the password `secret`. */
  readonly users: readonly string[];
  readonly protocols: readonly ("imap" | "pop3")[];
  /** PEM files; STARTTLS and STLS are offered, and the ports with TLS from the first octet on listen, where there are any. */
  readonly tls?: { readonly certificatePath: string; readonly keyPath: string };
}

/** A running Dovecot. */
export interface MailboxServer extends AsyncDisposable {
  /** Ports on 127.0.0.1, by protocol; `imaps` and `pop3s` where there is TLS. */
  readonly ports: Readonly<Record<"imap" | "pop3" | "imaps" | "pop3s", number>>;
  /** The Maildir of a user's INBOX. */
  maildir(user: string): string;
  /** Puts messages into a user's INBOX, in their order; the octets as they are to lie there. */
  fill(user: string, messages: readonly Uint8Array[]): Promise<void>;
  readonly process: Process;
}

/** Every user's password. */
export const PASSWORD = "secret";
const NOBODY = 65534;

/**
 * Starts it. Needs root.
 *
 * @param directory An empty directory that other users may enter.
 */
export async function startMailboxServer(
  directory: string,
  { users, protocols, tls }: MailboxServerOptions,
): Promise<MailboxServer> {
  const taken = new Set<number>();
  const port = () => {
    let free = freePort();
    while (taken.has(free)) free = freePort();
    taken.add(free);
    return free;
  };
  const ports = { imap: port(), pop3: port(), imaps: port(), pop3s: port() };
  const home = (user: string) => `${directory}/mail/${user}`;
  await Deno.mkdir(`${directory}/mail`);
  for (const user of users) {
    for (const path of [home(user), `${home(user)}/Maildir`]) {
      await Deno.mkdir(path);
      await Deno.chown(path, NOBODY, NOBODY);
    }
  }
  await Deno.writeTextFile(
    `${directory}/users`,
    users.map((user) => `${user}:{PLAIN}${PASSWORD}::::${home(user)}::\n`).join(""),
  );
  const listener = (name: string, number: number, ssl = "no") =>
    `  inet_listener ${name} {\n    address = 127.0.0.1\n    port = ${number}\n    ssl = ${ssl}\n  }\n`;
  const services = protocols.map((protocol) =>
    `service ${protocol}-login {\n${listener(protocol, ports[protocol])}${
      listener(`${protocol}s`, tls ? ports[`${protocol}s`] : 0, "yes")
    }  client_limit = 2000\n  service_count = 0\n  process_limit = 10\n}\n` +
    `service ${protocol} {\n  client_limit = 1\n  process_limit = 1500\n}\n`
  );
  const configuration = `${directory}/dovecot.conf`;
  await Deno.writeTextFile(
    configuration,
    `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = /dev/stderr
protocols = ${protocols.join(" ")}
listen = 127.0.0.1
ssl = ${tls ? "yes" : "no"}
${tls ? `ssl_cert = <${tls.certificatePath}\nssl_key = <${tls.keyPath}` : ""}
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-256 apop
auth_failure_delay = 0
hostname = mail.here.test
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 2000
default_client_limit = 4000
imap_hibernate_timeout = 0
userdb {
  driver = passwd-file
  args = username_format=%Lu ${directory}/users
  override_fields = uid=${NOBODY} gid=${NOBODY}
}
passdb {
  driver = passwd-file
  args = username_format=%Lu ${directory}/users
}
${services.join("")}
service anvil {
  client_limit = 4000
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  client_limit = 6000
}
service stats {
  process_limit = 1
}
`,
  );
  const process = await runDovecot(
    configuration,
    Object.fromEntries(protocols.map((protocol) => [protocol, ports[protocol]])),
  );
  let filled = 0;
  return {
    ports,
    process,
    maildir: (user) => `${home(user)}/Maildir`,
    async fill(user, messages) {
      for (const folder of ["cur", "new", "tmp"]) {
        const path = `${home(user)}/Maildir/${folder}`;
        await Deno.mkdir(path, { recursive: true });
        await Deno.chown(path, NOBODY, NOBODY);
      }
      for (const message of messages) {
        const number = ++filled;
        // Dovecot reads the files of new/ in the order of the times in their names.
        const time = 1_700_000_000 + number;
        const path = `${home(user)}/Maildir/new/${time}.M${number}P1.here`;
        await Deno.writeFile(path, message);
        await Deno.chown(path, NOBODY, NOBODY);
      }
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
