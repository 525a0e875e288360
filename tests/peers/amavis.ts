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
  /** What it asks: clamd at a socket, or a program found in a folder, by an entry of its own. */
  readonly scanner: { readonly socket: string } | {
    readonly folder: string;
    /** Perl, one element of `@av_scanners`. */
    readonly entry: string;
  };
  /** Messages at once; default 1. */
  readonly servers?: number;
}

/** A running amavisd. */
export interface Amavis extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  log(): string;
}

/** Starts it as the user that Debian makes for it. Needs root. */
export async function startAmavis(options: AmavisOptions): Promise<Amavis> {
  const { directory, work, port, nextHop, scanner } = options;
  const entry = "entry" in scanner ? scanner.entry : clamdEntry(scanner.socket);
  const path = "folder" in scanner ? `$path = '${scanner.folder}:/usr/bin:/bin';` : "";
  const home = `${work}/amavis`;
  await Deno.mkdir(`${home}/tmp`, { recursive: true });
  // The scanner is another user, and amavisd makes its directories with the mode 0750: their group is the scanner's.
  for (const path of [home, `${home}/tmp`]) await Deno.chmod(path, 0o777);
  const configuration = `${directory}/amavisd.conf`;
  await Deno.writeTextFile(
    configuration,
    `
use strict;
${path}
$max_servers = ${options.servers ?? 1};
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
  ${entry}
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
    pid: process.pid,
    log: () => process.output,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** As Debian's 15-av_scanners has it. */
function clamdEntry(socket: string): string {
  return String.raw`['ClamAV-clamd',
    \&ask_daemon, ["CONTSCAN {}\n", "${socket}"],
    qr/\bOK$/m, qr/\bFOUND$/m,
    qr/^.*?: (?!Infected Archive)(.*) FOUND$/m ],`;
}

/** An entry of Debian's 15-av_scanners as it stands there, by its name. */
export async function stockEntry(name: string): Promise<string> {
  const text = await Deno.readTextFile("/etc/amavis/conf.d/15-av_scanners");
  const begin = text.indexOf(`\n  ['${name}',`);
  const end = text.indexOf("],\n\n", begin);
  if (begin < 0 || end < 0) throw new Error(`amavisd-new has no entry ${name}`);
  return text.slice(begin, end + 2);
}
