/**
 * What signatures cost, beside clamd with the same generated ones: time to load, memory, speed on clean data, mail. Both get
 * every object over a unix socket, one at a time, and each cell is measured for one right after the other; speeds are octets by
 * the CPU time of the scanning processes, the best of some rounds, so that what else the machine does matters little.
 */
import { fileURLToPath } from "node:url";
import { ScannerPool } from "../daemon/pool.ts";
import { buildSignatures } from "../daemon/signature_build.ts";
import type { ScanSettings } from "../engine/types.ts";
import { pss } from "../tests/processes.ts";
import { Clamd } from "./clamd.ts";
import { cpuSeconds } from "./cpu.ts";
import { type Content, contents } from "./contents.ts";
import { mebibytes, numbers, table } from "./print.ts";

const NAMES = Deno.env.get("DATABASES")?.trim().split(/\s+/) ??
  [
    "mix-0",
    "hdb-1000",
    "hdb-100000",
    "hdb-1000000",
    "ndb-1000",
    "ndb-10000",
    "ndb-100000",
    "mix-1000000",
  ];
/** CPU time that a round of a cell takes, s; a slow one ends after its first object. */
const [SECONDS = 1] = numbers("SECONDS", [1]);
/** Rounds of a cell, clamd and Postern in turn; the best of each counts, as others on the machine can only slow it down. */
const [ROUNDS = 3] = numbers("ROUNDS", [3]);
/** Makes the databases. */
const MAKER = fileURLToPath(new URL("../../shared/tools/measure/clamdb.py", import.meta.url));
const SETTINGS: ScanSettings = {
  mode: "auto",
  antivirus: true,
  antispam: false,
  limits: { messageOctets: 5e7, depth: 10, files: 1e4, octets: 3e8, ratio: 250, timeMs: 60_000 },
};

/** One who scans, by processes whose CPU time counts. */
interface Scanner {
  scan(octets: Uint8Array): Promise<unknown>;
  pids(): Promise<readonly number[]>;
}

/** What a cell gave. */
interface Cell {
  readonly octetsPerSecond: number;
  /** Seconds of CPU for each object. */
  readonly cpu: number;
  /** Objects by the wall clock. */
  readonly wallPerSecond: number;
}

async function measure(scanner: Scanner, { objects }: Content): Promise<Cell> {
  await scanner.scan(objects[0] ?? new Uint8Array()); // warm, and the first of its kind
  const before = await cpuSeconds(await scanner.pids());
  const began = performance.now();
  let octets = 0;
  let count = 0;
  let cpu = 0;
  for (let at = 0; cpu < SECONDS; at++) {
    const object = objects[at % objects.length] ?? new Uint8Array();
    await scanner.scan(object);
    octets += object.length;
    count++;
    // the clock of CPU time has ticks of 10 ms, and to look at it takes time
    if (at % 50 === 49 || object.length > 1e5) {
      cpu = await cpuSeconds(await scanner.pids()) - before;
      if (performance.now() - began > SECONDS * 10_000) break;
    }
  }
  const wall = (performance.now() - began) / 1000;
  return {
    octetsPerSecond: octets / cpu,
    cpu: cpu / count,
    wallPerSecond: count / wall,
  };
}

/** The best rounds of both. */
async function compare(
  clamd: Scanner,
  postern: Scanner,
  content: Content,
): Promise<{ readonly theirs: Cell; readonly ours: Cell }> {
  let theirs: Cell | undefined;
  let ours: Cell | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    theirs = better(theirs, await measure(clamd, content));
    ours = better(ours, await measure(postern, content));
  }
  if (!theirs || !ours) throw new Error("ROUNDS: at least one");
  return { theirs, ours };
}

function better(one: Cell | undefined, other: Cell): Cell {
  if (!one) return other;
  return {
    octetsPerSecond: Math.max(one.octetsPerSecond, other.octetsPerSecond),
    cpu: Math.min(one.cpu, other.cpu),
    wallPerSecond: Math.max(one.wallPerSecond, other.wallPerSecond),
  };
}

async function makeDatabase(directory: string, name: string): Promise<string> {
  const path = `${directory}/${name}`;
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  const [kind = "", count = ""] = name.split("-");
  const command = new Deno.Command("python3", { args: [MAKER, path, kind, count], stdout: "null" });
  if (!(await command.output()).success) throw new Error(`${MAKER} ${kind} ${count} failed`);
  return path;
}

const kept = Deno.env.get("KEEP");
const directory = kept ?? await Deno.makeTempDir();
await Deno.chmod(directory, 0o755);
const data = await contents();
const [mails, ...files] = data;
const loads: string[][] = [];
const speeds: string[][] = [];
const ofMail: string[][] = [];
const bare: { scanners: number; clamd: number } = { scanners: 0, clamd: 0 };
try {
  for (const name of NAMES) {
    const database = await makeDatabase(directory, name);
    const began = performance.now();
    const { set } = await buildSignatures([database], `${directory}/modules/${name}`);
    const buildSeconds = (performance.now() - began) / 1000;
    const octets = set.manifest.modules.reduce((sum, module) => sum + module.octets, 0);
    const started = performance.now();
    const pool = await ScannerPool.start({
      signatures: set,
      cache: { entries: 0, octets: 0, keepMs: 0 },
    });
    const loadMs = performance.now() - started;
    try {
      await using clamd = await Clamd.start(database);
      const size = pool.status().processes.length;
      while (pool.status().processes.length < Math.max(size, navigator.hardwareConcurrency + 1)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const postern: Scanner = {
        scan: async (object) => {
          const { status, notScanned } = await pool.scan(object, SETTINGS);
          if (notScanned.includes("crashed")) throw new Error(`${name}: ${status}`);
        },
        pids: () => Promise.resolve(pool.status().processes.map(({ pid }) => pid)),
      };
      const memory = {
        scanners: await pss(await postern.pids()),
        clamd: await pss(await clamd.pids()),
      };
      if (name === NAMES[0]) Object.assign(bare, memory);
      for (const content of files) {
        const { theirs, ours } = await compare(clamd, postern, content);
        speeds.push([
          name,
          content.name,
          (theirs.octetsPerSecond / 1e6).toFixed(1),
          (ours.octetsPerSecond / 1e6).toFixed(1),
          (ours.octetsPerSecond / theirs.octetsPerSecond).toFixed(1),
        ]);
        console.error(speeds.at(-1)?.join(" "));
      }
      if (mails) {
        const { theirs, ours } = await compare(clamd, postern, mails);
        ofMail.push([
          name,
          theirs.wallPerSecond.toFixed(0),
          ours.wallPerSecond.toFixed(0),
          (theirs.cpu * 1000).toFixed(2),
          (ours.cpu * 1000).toFixed(2),
          (theirs.cpu / ours.cpu).toFixed(1),
        ]);
        console.error(ofMail.at(-1)?.join(" "));
      }
      const after = {
        scanners: await pss(await postern.pids()),
        clamd: await pss(await clamd.pids()),
      };
      loads.push([
        name,
        mebibytes(octets),
        buildSeconds.toFixed(1),
        (clamd.loadMs / 1000).toFixed(2),
        (loadMs / 1000).toFixed(2),
        (clamd.loadMs / loadMs).toFixed(1),
        mebibytes(memory.clamd),
        mebibytes(memory.scanners),
        mebibytes(memory.clamd - bare.clamd),
        mebibytes(memory.scanners - bare.scanners),
        mebibytes(after.clamd),
        mebibytes(after.scanners),
      ]);
    } finally {
      await pool.close();
    }
  }
} finally {
  if (kept === undefined) await Deno.remove(directory, { recursive: true });
}
console.log(
  "\nUntil the first scan can start, s; memory (PSS) of clamd and of all scanners, MiB, and what signatures add\n",
);
console.log(table([
  "signatures",
  "modules MiB",
  "build s",
  "clamd s",
  "Postern s",
  "ratio",
  "clamd MiB",
  "scanners MiB",
  "clamd added",
  "scanners added",
  "clamd after scans",
  "scanners after scans",
], loads));
console.log("\nClean data, MB a second of CPU\n");
console.log(table(["signatures", "content", "clamd", "Postern", "ratio"], speeds));
console.log(
  "\nMail of the corpus, one at a time: messages a second, and CPU of the scanning processes, ms a message\n",
);
console.log(
  table(["signatures", "clamd/s", "Postern/s", "clamd CPU", "Postern CPU", "ratio"], ofMail),
);
