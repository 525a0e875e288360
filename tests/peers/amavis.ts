/** An amavisd-new of the test's own: it takes mail by SMTP, asks a clamd about the parts, and passes on what is clean. */
import { accepts } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process } from "./process.ts";

/** What amavisd is started with. */
export interface AmavisOptions {
  /** For its configuration: a directory that its user may not write in. */
  readonly directory: string;
  /** Where it takes mail apart: the scanner must be able to read there, for it is given paths. */
  readonly work: string;
  /** Where it listens: a port of 127.0.0.1. */
  readonly port: number;
  /** Where what is clean goes: a port of 127.0.0.1. */
  readonly nextHop: number;
  /** Path of clamd's socket. */
  readonly socket: string;
}

/** A running amavisd. */
export interface Amavis extends AsyncDisposable {
  readonly port: number;
  log(): string;
}

/** Starts it as the user that Debian makes for it. Needs root. */
export async function startAmavis(options: AmavisOptions): Promise<Amavis> {
  const { directory, work, port, nextHop, socket } = options;
  const home = `${work}/amavis`;
  await Deno.mkdir(`${home}/tmp`, { recursive: true });
  // The scanner is another user, and amavisd makes its directories with the mode 0750: their group is the scanner's.
  for (const path of [home, `${home}/tmp`]) await Deno.chmod(path, 0o777);
  const configuration = `${directory}/amavisd.conf`;
  await Deno.writeTextFile(
    configuration,
    `
use strict;
$max_servers = 1;
$daemon_user = 'nobody';
$daemon_group = 'nogroup';
$mydomain = 'here.test';
$myhostname = 'amavis.here.test';
$MYHOME = '${home}';
$TEMPBASE = '${home}/tmp';
$ENV{TMPDIR} = $TEMPBASE;
$QUARANTINEDIR = undef;
$pid_file = '${home}/amavisd.pid';
$lock_file = '${home}/amavisd.lock';
$db_home = '${home}';
$enable_db = 0;
$enable_zmq = 0;
$do_syslog = 0;
$log_level = 3;
$LOGFILE = '';
$inet_socket_bind = '127.0.0.1';
$inet_socket_port = ${port};
@inet_acl = qw(127.0.0.1);
$notify_method = $forward_method = 'smtp:[127.0.0.1]:${nextHop}';
@bypass_spam_checks_maps = (1);
@bypass_header_checks_maps = (1);
@bypass_banned_checks_maps = (1);
$final_virus_destiny = D_REJECT;
$virus_quarantine_method = undef;
$warnvirussender = 0;
@mynetworks = ('127.0.0.0/8');
@av_scanners = (
  ['ClamAV-clamd',
    \\&ask_daemon, ["CONTSCAN {}\\n", "${socket}"],
    qr/\\bOK$/m, qr/\\bFOUND$/m,
    qr/^.*?: (?!Infected Archive)(.*) FOUND$/m ],
);
@av_scanners_backup = ();
1;
`,
  );
  const process = new Process(
    "amavisd",
    await peer("amavisd"),
    ["-c", configuration, "foreground"],
    {
      env: { HOME: home },
    },
  );
  try {
    await process.ready("listens", () => accepts(port));
  } catch (error) {
    await process.stop();
    throw error;
  }
  return {
    port,
    log: () => process.output,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
