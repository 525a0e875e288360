/**
 * What mail and documents could do inside the single binary, if they could run code there: a binary is made whose scanning worker
 * does what a message tells it, and a document tries the same. What an older runtime leaves open is printed.
 *
 * Needs a runtime to embed: DENORT_BIN and COMPILE_DENO, as for `make compile`.
 */
import assert from "node:assert/strict";
import { run } from "./peers/process.ts";
import { ROOT } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";

const ignore = Deno.env.get("DENORT_BIN") === undefined;

/** A probe: what is tried, its argument, and whether the kernel or a user's rights are all that could refuse it. */
type Probe = readonly [command: string, argument: string];

Deno.test("in the binary neither a scan nor a document reads, writes, connects, runs or imports", {
  ignore,
}, async (test) => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const made = await run(Deno.execPath(), [
    "run",
    "-A",
    "--no-check",
    `${ROOT}commands/tools/compile.ts`,
    "--probe",
    path,
  ]);
  assert.equal(made.code, 0, made.stderr);
  const binary = `${path}/postern`;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const socket = `${path}/socket`;
  const unix = Deno.listen({ transport: "unix", path: socket });
  // What any user of the machine could read and write.
  const secret = `${path}/secret.json`;
  await Deno.writeTextFile(secret, '{"secret":true}');
  const open = `${path}/open`;
  await Deno.mkdir(open);
  await Deno.chmod(open, 0o777);
  const address = `127.0.0.1:${listener.addr.port}`;
  try {
    await test.step("a scan", async () => {
      const probes: readonly Probe[] = [
        ["try-read", secret],
        ["try-read", "/etc/hostname"],
        ["try-write", `${open}/written`],
        ["try-connect", address],
        ["try-unix", socket],
        ["try-run", "/bin/true"],
        ["try-env", "HOME"],
        ["try-ffi", "libc.so.6"],
        ["try-import", `file://${secret}`],
        ["try-import-json", `file://${secret}`],
        ["try-signal", String(Deno.pid)],
      ];
      const files: string[] = [];
      for (const [i, [command, argument]] of probes.entries()) {
        files.push(`${path}/probe-${i}`);
        await Deno.writeTextFile(`${path}/probe-${i}`, `${command} ${argument}\r\n`);
      }
      const { stdout, stderr } = await run(binary, [
        "scan",
        "--standalone",
        "--format",
        "json",
        ...files,
      ]);
      const answers = stdout.trim().split("\n").map((line) => {
        const { findings, status } = JSON.parse(line) as {
          findings: { name: string }[];
          status: string;
        };
        return findings[0]?.name ?? status;
      });
      assert.equal(answers.length, probes.length, stderr);
      tell("a scan", probes, answers);
    });
    await test.step("a document", async () => {
      const attempts: readonly (readonly [string, string])[] = [
        ["read", `Deno.readTextFileSync(${JSON.stringify(secret)})`],
        ["write", `Deno.writeTextFileSync(${JSON.stringify(`${open}/written`)}, "x")`],
        ["connect", `await Deno.connect({ hostname: "127.0.0.1", port: ${listener.addr.port} })`],
        ["unix", `await Deno.connect({ transport: "unix", path: ${JSON.stringify(socket)} })`],
        ["run", `new Deno.Command("/bin/true").outputSync()`],
        ["env", `Deno.env.get("HOME")`],
        ["ffi", `Deno.dlopen("libc.so.6", {})`],
        ["signal", `Deno.kill(${Deno.pid}, "SIGCONT")`],
        ["import", importing(`file://${secret}`, "json")],
        ["import as text", importing("file:///etc/hostname", "text")],
        [
          "read by node:fs",
          `(await eval('import("node:fs")')).readFileSync(${JSON.stringify(secret)})`,
        ],
      ];
      const tries = attempts.map(([, code]) =>
        `try { ${code}; said.push("allowed"); } catch (error) { said.push(error.name); }`
      );
      const document = `${path}/policy.ts`;
      await Deno.writeTextFile(
        document,
        `const said = [];\n${
          tries.join("\n")
        }\nthrow new Error("said " + said.join(" ") + " end");\n`,
      );
      const { stdout, stderr } = await run(binary, ["policy", "check", document]);
      const said = /said (.*) end/.exec(stdout + stderr)?.[1]?.split(" ");
      assert.ok(said, stdout + stderr);
      tell("a document", attempts, said);
    });
    await assert.rejects(Deno.stat(`${open}/written`), Deno.errors.NotFound);
  } finally {
    listener.close();
    unix.close();
  }
});

/** An import that the check of a document's imports does not see. */
function importing(url: string, type: string): string {
  return `await eval(${JSON.stringify(`import("${url}", { with: { type: "${type}" } })`)})`;
}

/** Prints what came of the probes, and fails for each that was allowed. */
function tell(where: string, probes: readonly Probe[], answers: readonly string[]): void {
  const rows = probes.map(([what, argument], i) => `  ${what} ${argument}: ${answers[i]}`);
  console.log([`inside ${where} of the binary:`, ...rows].join("\n"));
  const allowed = probes.filter((_, i) => !REFUSED.test(answers[i] ?? ""));
  assert.deepEqual(allowed, []);
}

/** What the runtime (NotCapable), the kernel (PermissionDenied), the loader (TypeError) or V8 (EvalError) says. */
const REFUSED = /^(?:NotCapable|PermissionDenied|TypeError|EvalError)$/;
