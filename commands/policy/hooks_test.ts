/** examples/hooks: run as git and as the workflow's runner would. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { GIT_ENV, policyText, type Ran, Workplace } from "./testing/program.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const HOOKS = `${ROOT}examples/hooks`;

/** A program `postern` that runs this checkout, for the hooks' PATH. */
async function installPostern(place: Workplace): Promise<void> {
  await place.write({
    "bin/postern": `#!/bin/sh\nexec ${Deno.execPath()} run --quiet --no-prompt --no-check -A ` +
      `--config ${ROOT}deno.json ${ROOT}main.ts "$@"\n`,
  });
  await Deno.chmod(join(place.path, "bin/postern"), 0o755);
}

const tests = (expect: unknown) =>
  `export default ${
    JSON.stringify({ cases: [{ name: "spammer", mail: { from: "x@bad.example" }, expect }] })
  };\n`;
const policy = (...senders: string[]) =>
  policyText({
    rules: [{ name: "blocked", when: { sender: senders }, then: { action: "reject" } }],
  });

Deno.test("examples/hooks/pre-receive lets in what holds, shows the diff, and refuses the rest", async () => {
  await using place = await Workplace.create({ "work/readme": "mail\n" });
  await installPostern(place);
  const bare = join(place.path, "mail.git");
  const git = (...args: string[]) => place.git("-C", "work", ...args);
  await place.git("init", "-q", "--bare", bare);
  await place.git("-C", bare, "config", "postern.policy", "mail/policy.ts");
  await place.git("-C", bare, "config", "postern.command", join(place.path, "bin/postern"));
  await Deno.copyFile(`${HOOKS}/pre-receive`, `${bare}/hooks/pre-receive`);
  await Deno.chmod(`${bare}/hooks/pre-receive`, 0o755);
  await git("init", "-q", "-b", "main");

  /** Commits these files and pushes; a commit that is refused is taken back. */
  const push = async (files: Record<string, string>, branch = "main"): Promise<Ran> => {
    await place.write(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`work/${name}`, text])),
    );
    await git("add", ".");
    await git("commit", "-q", "-m", "change");
    const ran = await place.run(
      "git",
      ["-C", "work", "push", "-q", bare, `HEAD:${branch}`],
      GIT_ENV,
    );
    if (ran.status !== 0) await git("reset", "-q", "--hard", "HEAD~1");
    return ran;
  };

  const first = await push({
    "mail/policy.ts": policy("@bad.example"),
    "mail/policy.policy-test.ts": tests({ action: "reject" }),
  });
  assert.equal(first.status, 0, first.error);
  assert.match(first.error, /1 passed, 0 failed/);

  const breaks = await push({ "mail/policy.ts": policy("@worse.example") });
  assert.notEqual(breaks.status, 0);
  assert.match(breaks.error, /FAILED spammer/);
  assert.match(breaks.error, /policy: refused: a test of the policy fails/);

  const passes = await push({ "mail/policy.ts": policy("@bad.example", "@worse.example") });
  assert.equal(passes.status, 0, passes.error);
  assert.match(passes.error, /\+\+\+ [0-9a-f]{40}:mail\/policy\.ts/);
  assert.match(passes.error, /example: from <[^>]*@worse\.example>/);
  assert.match(passes.error, /1 kind of mail treated differently/);

  const misspelt = await push({ "mail/policy.ts": policyText({ rulez: [] }) });
  assert.match(misspelt.error, /"rulez".*\n.*policy: refused: the policy does not check/);

  const shadowed = await push({
    "mail/policy.ts": policyText({
      rules: [
        { name: "domain", when: { sender: "@bad.example" }, then: { action: "reject" } },
        { name: "address", when: { sender: "x@bad.example" }, then: { action: "reject" } },
      ],
    }),
  });
  assert.match(shadowed.error, /\[shadowed\][^]*policy: refused: the findings above/);

  // Another branch is nobody's policy.
  const aside = await push({ "mail/policy.ts": policyText({ rulez: [] }) }, "draft");
  assert.equal(aside.status, 0, aside.error);
  const deleted = await place.run("git", ["-C", "work", "push", bare, ":main"], GIT_ENV);
  assert.notEqual(deleted.status, 0);
});

/** The `run: |` blocks of a workflow, by the name of their step. */
function steps(workflow: string): Map<string, string> {
  const found = new Map<string, string>();
  for (
    const [, name, body] of workflow.matchAll(
      /^ {6}- name: (.+)\n {8}run: \|\n((?: {10}.*\n|\n)+)/gm,
    )
  ) {
    found.set(name!, body!.replace(/^ {10}/gm, ""));
  }
  return found;
}

Deno.test("examples/hooks/github-actions.yml: its steps check, test and show the diff", async () => {
  const runs = steps(await Deno.readTextFile(`${HOOKS}/github-actions.yml`));
  assert.deepEqual([...runs.keys()], ["Get Postern", "Check", "Test", "Diff"]);
  await using place = await Workplace.create({
    "policy.ts": policy("@bad.example"),
    "policy.policy-test.ts": tests({ action: "reject" }),
  });
  await installPostern(place);
  await place.git("init", "-q");
  await place.git("add", "policy.ts", "policy.policy-test.ts");
  await place.git("commit", "-q", "-m", "one");
  const before = (await place.git("rev-parse", "HEAD")).out.trim();
  await place.write({ "policy.ts": policy("@bad.example", "@worse.example"), summary: "" });
  await place.git("commit", "-q", "-a", "-m", "two");
  const step = (name: string, variables: Record<string, string> = {}) =>
    place.run("bash", ["-e", "-c", runs.get(name)!], {
      ...GIT_ENV,
      PATH: `${place.path}/bin:${Deno.env.get("PATH")}`,
      POLICY: "policy.ts",
      BEFORE: before,
      RUNNER_TEMP: place.path,
      GITHUB_STEP_SUMMARY: join(place.path, "summary"),
      ...variables,
    });
  for (const name of ["Check", "Test", "Diff"]) {
    const ran = await step(name);
    assert.equal(ran.status, 0, `${name}: ${ran.out}${ran.error}`);
  }
  const summary = await Deno.readTextFile(join(place.path, "summary"));
  assert.match(
    summary,
    /treated differently\n```\n--- [0-9a-f]{40}:policy\.ts[^]*@worse\.example[^]*```\n$/,
  );
  const created = await step("Diff", { BEFORE: "0".repeat(40) });
  assert.equal(created.status, 0, created.error);

  await place.write({ "policy.ts": policy("@worse.example") });
  assert.equal((await step("Test")).status, 1);
});
