/** Programs of others that tests run against. */
import { run } from "./process.ts";

/** Where Debian keeps programs; /usr/sbin is not on every user's PATH. */
const FOLDERS = [
  new URL("../../.deno/sendmail/usr/libexec/sendmail", import.meta.url).pathname,
  new URL("../../.deno/exim/usr/sbin", import.meta.url).pathname,
  new URL("../../.deno/haraka/node_modules/.bin", import.meta.url).pathname,
  ...(Deno.env.get("PATH") ?? "").split(":"),
  "/usr/local/sbin",
  "/usr/sbin",
  "/sbin",
].filter((folder) => folder !== "");

/** Peers and the Debian package that each is in. */
export const PEERS = {
  "smtp-sink": "postfix",
  "smtp-source": "postfix",
  postfix: "postfix",
  postconf: "postfix",
  swaks: "swaks",
  "swaks-tls": "libnet-ssleay-perl",
  openssl: "openssl",
  miltertest: "miltertest",
  m4: "m4",
  sendmail: "sendmail-bin, which .ci/sendmail gets beside Postfix",
  exim4: "exim4-daemon-heavy, which .ci/exim gets beside Postfix",
  haraka: "npm, with which .ci/haraka gets it",
  unshare: "util-linux",
  procmail: "procmail",
  maildrop: "maildrop",
  dovecot: "dovecot-lmtpd",
  "dovecot-imap": "dovecot-imapd",
  "dovecot-pop3": "dovecot-pop3d",
  mbsync: "isync",
  offlineimap: "offlineimap3",
  mutt: "mutt",
  script: "bsdutils",
  curl: "curl",
  fetchmail: "fetchmail",
  getmail: "getmail6",
  mpop: "mpop",
  python3: "python3",
  nft: "nftables",
  ip: "iproute2",
  nsenter: "util-linux",
  setpriv: "util-linux",
  setsid: "util-linux",
  "systemd-socket-activate": "systemd",
  clamd: "clamav-daemon",
  clamdscan: "clamdscan",
  amavisd: "amavisd-new",
  rspamd: "rspamd",
  rspamc: "rspamd",
  spamc: "spamc",
  clamscan: "clamav",
  "c-icap": "c-icap",
  arcverify: "python3-dkim",
  qpdf: "qpdf",
  arc: "arc",
  arj: "arj",
  lzop: "lzop",
  zip: "zip",
  makensis: "nsis",
} as const;

/** One of {@link PEERS}. */
export type PeerName = keyof typeof PEERS;

/** Path of a program; `undefined` where it is not installed. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    try {
      const { isFile } = await Deno.stat(`${folder}/${name}`);
      if (isFile) return `${folder}/${name}`;
    } catch {
      // Not in this folder, or a folder that may not be read.
    }
  }
  return undefined;
}

/** Why a peer cannot be used here; `undefined` when it can. */
async function missing(name: PeerName): Promise<string | undefined> {
  const program = await findProgram(programOf(name));
  if (program === undefined) return `${name} is not installed (Debian package ${PEERS[name]})`;
  if (name === "postfix" && Deno.uid() !== 0) return "a Postfix of one's own needs root";
  if (name === "sendmail") {
    if (!program.includes("/.deno/")) {
      return "the sendmail that is installed may be another's program";
    }
    if (Deno.uid() !== 0) return "a Sendmail of one's own needs root";
  }
  if (name === "unshare" && Deno.uid() !== 0) return "a name space of one's own needs root";
  if (name === "nft" && Deno.uid() !== 0) return "a network of one's own needs root";
  if (name === "exim4") {
    if (!program.includes("/.deno/")) return "the Exim that is installed may be another's program";
    if (Deno.uid() !== 0) return "an Exim of one's own needs root";
  }
  if (name === "dovecot") {
    if (Deno.uid() !== 0) return "a Dovecot of one's own needs root";
    const lmtp = await Deno.stat("/usr/lib/dovecot/lmtp").catch(() => undefined);
    if (!lmtp) return `Dovecot has no LMTP server (Debian package ${PEERS[name]})`;
  }
  if (name === "dovecot-imap" || name === "dovecot-pop3") {
    if (Deno.uid() !== 0) return "a Dovecot of one's own needs root";
    const server = `/usr/lib/dovecot/${name.slice("dovecot-".length)}`;
    if (!await Deno.stat(server).catch(() => undefined)) {
      return `Dovecot has no ${server} (Debian package ${PEERS[name]})`;
    }
  }
  if (name === "c-icap") {
    const module = await Deno.stat(`/usr/lib/${Deno.build.arch}-linux-gnu/c_icap/virus_scan.so`)
      .catch(() => undefined);
    if (!module) return "c-icap has no virus_scan (Debian package libc-icap-mod-virus-scan)";
  }
  if (name === "swaks-tls") {
    const { stdout } = await run(program, ["--support"]);
    if (/^\*\*\* .*tls/im.test(stdout) || !/TLS/i.test(stdout)) {
      return `swaks has no TLS (Debian package ${PEERS[name]})`;
    }
  }
  return undefined;
}

/** The program of a peer that is told apart by what the program can. */
function programOf(name: PeerName): string {
  return name === "swaks-tls" ? "swaks" : name.startsWith("dovecot-") ? "dovecot" : name;
}

/** Path of a peer's program. @throws {Error} where it is not installed. */
export async function peer(name: PeerName): Promise<string> {
  const program = await findProgram(programOf(name));
  if (program === undefined) throw new Error(`${name} is not installed (${PEERS[name]})`);
  return program;
}

/**
 * A test against real programs. Where one of them is missing the test is skipped and the reason printed; where `CI` is set it
 * fails, so that no build passes without its peers.
 */
export function peerTest(
  peers: readonly PeerName[],
  name: string,
  body: (test: Deno.TestContext) => Promise<void>,
): void {
  Deno.test(name, async (test) => {
    const reasons = (await Promise.all(peers.map(missing))).filter((why) => why !== undefined);
    if (reasons.length === 0) return await body(test);
    if (Deno.env.get("CI")) throw new Error(reasons.join("; "));
    console.log(`skipped: ${reasons.join("; ")}`);
    await test.step({ name: `skipped: ${reasons.join("; ")}`, ignore: true, fn: () => {} });
  });
}
