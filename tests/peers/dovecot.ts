/** A Dovecot of the test's own that takes mail by LMTP; beside any other on the machine. */
import { accepts, freePort } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process } from "./process.ts";

/** A mailbox. */
export interface Mailbox {
  readonly user: string;
  /** Kilobytes that it holds; a message that is larger is refused for this one recipient, after the data. */
  readonly kilobytes?: number;
  /** It cannot be opened: Dovecot defers for this one recipient, after the data. */
  readonly broken?: boolean;
}

/** A running Dovecot. */
export interface Dovecot extends AsyncDisposable {
  /** Where it listens for LMTP. */
  readonly port: number;
  /** A unix socket with the same. */
  readonly socket: string;
  /** Messages of a mailbox, octets as they lie there. */
  delivered(user: string): Promise<readonly Uint8Array[]>;
  readonly process: Process;
}

/** Runs Dovecot on a configuration, until it listens on the ports of its protocols. */
export async function runDovecot(
  configuration: string,
  ports: Readonly<Record<string, number>>,
): Promise<Process> {
  // In a session of its own: at its end it signals its whole group, which would be the test run.
  const command = [await peer("dovecot"), "-F", "-c", configuration];
  const process = new Process("dovecot", await peer("setsid"), command);
  try {
    for (const [protocol, port] of Object.entries(ports)) {
      await process.ready(`listens for ${protocol}`, () => accepts(port));
    }
  } catch (error) {
    await process.stop();
    throw error;
  }
  return process;
}

/**
 * Starts it. Needs root.
 *
 * @param directory An empty directory that other users may enter.
 */
export async function startDovecot(
  directory: string,
  mailboxes: readonly Mailbox[],
): Promise<Dovecot> {
  const port = freePort();
  const nobody = 65534;
  const home = (user: string) => `${directory}/mail/${user}`;
  await Deno.mkdir(`${directory}/mail`);
  for (const { user, broken } of mailboxes) {
    if (broken) await Deno.writeTextFile(home(user), "not a directory");
    else await Deno.mkdir(home(user));
    await Deno.chown(home(user), nobody, nobody);
  }
  await Deno.writeTextFile(
    `${directory}/users`,
    mailboxes.map(({ user, kilobytes }) => {
      const quota = kilobytes === undefined ? "" : `userdb_quota_rule=*:storage=${kilobytes}K`;
      return `${user}:::::${home(user)}::${quota}\n`;
    }).join(""),
  );
  const socket = `${directory}/lmtp.sock`;
  const configuration = `${directory}/dovecot.conf`;
  await Deno.writeTextFile(
    configuration,
    `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = /dev/stderr
protocols = lmtp
listen = 127.0.0.1
ssl = no
hostname = mail.here.test
postmaster_address = postmaster@here.test
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_plugins = quota
plugin {
  quota = maildir:all
}
userdb {
  driver = passwd-file
  args = username_format=%Lu ${directory}/users
  override_fields = uid=${nobody} gid=${nobody}
}
passdb {
  driver = passwd-file
  args = username_format=%Lu ${directory}/users
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
  unix_listener ${socket} {
    mode = 0666
  }
}
service stats {
  process_limit = 1
}
`,
  );
  const process = await runDovecot(configuration, { lmtp: port });
  return {
    port,
    socket,
    process,
    async delivered(user) {
      const messages: Uint8Array[] = [];
      const folder = `${home(user)}/Maildir/new`;
      try {
        for await (const { name } of Deno.readDir(folder)) {
          messages.push(await Deno.readFile(`${folder}/${name}`));
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return messages;
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
