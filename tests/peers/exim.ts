/** An Exim of the test's own: its own configuration, spool and port. */
import { accepts } from "../wait.ts";
import { peer } from "./peer.ts";
import { Process } from "./process.ts";

/** What Exim is started with. */
export interface EximOptions {
  /** An empty directory that other users may enter. */
  readonly directory: string;
  /** Where it listens: a port of 127.0.0.1. */
  readonly port: number;
  /** Lines for the main part. */
  readonly main?: readonly string[];
  /** Sections `acl`, `routers`, `transports`: whole lines each. Without `acl` all is taken. */
  readonly acl?: readonly string[];
  readonly routers: readonly string[];
  readonly transports: readonly string[];
  readonly authenticators?: readonly string[];
}

/** A running Exim. */
export interface Exim extends AsyncDisposable {
  /** The main log and the panic log so far. */
  log(): Promise<string>;
}

/** Sends all that is accepted to a port of 127.0.0.1. */
export function relayTo(port: number): Pick<EximOptions, "routers" | "transports"> {
  return {
    routers: [
      "all:",
      "  driver = manualroute",
      "  transport = out",
      "  route_list = * 127.0.0.1",
      "  self = send",
    ],
    transports: [
      "out:",
      "  driver = smtp",
      `  port = ${port}`,
      "  allow_localhost",
      "  hosts_try_fastopen =",
    ],
  };
}

/** Starts Exim. Needs root, since deliveries run as others. */
export async function startExim(options: EximOptions): Promise<Exim> {
  const { directory, port } = options;
  const program = await peer("exim4");
  const state = `${directory}/exim`;
  await Deno.mkdir(`${state}/spool`, { recursive: true });
  await Deno.mkdir(`${state}/log`);
  for (const path of [state, `${state}/spool`, `${state}/log`]) await Deno.chmod(path, 0o777);
  const configuration = `${directory}/exim.conf`;
  await Deno.writeTextFile(
    configuration,
    [
      `exim_path = ${program}`,
      "primary_hostname = mx.here.test",
      "qualify_domain = here.test",
      `spool_directory = ${state}/spool`,
      `log_file_path = ${state}/log/%slog`,
      `pid_file_path = ${state}/pid`,
      "local_interfaces = 127.0.0.1",
      `daemon_smtp_ports = ${port}`,
      "tls_advertise_hosts =",
      "host_lookup =",
      "rfc1413_hosts =",
      "acl_smtp_rcpt = accept",
      "log_selector = +all",
      "keep_environment = PATH",
      "message_size_limit = 100M",
      ...options.main ?? [],
      "begin acl",
      ...options.acl ?? [],
      "begin routers",
      ...options.routers,
      "begin transports",
      ...options.transports,
      "begin authenticators",
      ...options.authenticators ?? [],
      "begin retry",
      "* * F,1h,1s",
      "",
    ].join("\n"),
    { mode: 0o644 },
  );
  const master = new Process("exim", program, ["-C", configuration, "-bdf", "-q1s"]);
  await master.ready("port", () => accepts(port));
  return {
    async log() {
      const read = (name: string) => Deno.readTextFile(`${state}/log/${name}`).catch(() => "");
      return `${await read("mainlog")}${await read("paniclog")}${master.output}`;
    },
    async [Symbol.asyncDispose]() {
      await master.stop();
    },
  };
}
