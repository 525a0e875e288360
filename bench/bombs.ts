/** What each bomb costs: each is made and scanned in a process of its own (tests/fixtures/bomb_scan.ts). */
import { bombNames, scanBomb } from "../tests/bombs.ts";
import { mebibytes, table } from "./print.ts";

const only = Deno.env.get("ONLY") ?? "";
const rows: string[][] = [];
for (const name of (await bombNames()).filter((one) => one.includes(only))) {
  const { octets, cpuMs, ms, peak, added, status, notScanned } = await scanBomb(name);
  rows.push([
    name,
    String(octets),
    cpuMs.toFixed(0),
    ms.toFixed(0),
    mebibytes(peak),
    mebibytes(added),
    `${status}: ${notScanned.join(", ")}`,
  ]);
  console.error(rows.at(-1)?.join("  "));
}
console.log(
  table(["bomb", "octets", "CPU ms", "wall ms", "peak MiB", "added MiB", "answer"], rows),
);
