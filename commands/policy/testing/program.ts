/** The real command line for tests: temporary documents, and the program run on them. */
import { dirname, join } from "node:path";

const ROOT = new URL("../../..", import.meta.url).pathname;

/** What a run came to. */
export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

/** A directory of its own. */
export class Workplace {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @param files Text by name; directories in names are made. */
  static async create(files: Readonly<Record<string, string>> = {}): Promise<Workplace> {
    const place = new Workplace(await Deno.makeTempDir({ prefix: "postern-policy-" }));
    await place.write(files);
    return place;
  }

  /** Writes files. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.path, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
  }

  /** Runs `postern` in the directory. */
  async postern(...args: readonly string[]): Promise<Ran> {
    return await this.run(Deno.execPath(), [
      ...["run", "--quiet", "--no-prompt", "--no-check", "-A"],
      ...["--config", join(ROOT, "deno.json"), join(ROOT, "main.ts"), ...args],
    ]);
  }

  /** Runs any program in the directory, with the environment given besides. */
  async run(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ran> {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      cwd: this.path,
      env: { NO_COLOR: "1", XDG_CACHE_HOME: join(this.path, ".cache"), ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = (octets: Uint8Array) => new TextDecoder().decode(octets);
    return { status: code, out: text(stdout), error: text(stderr) };
  }

  /** Runs git, as somebody, with no configuration of the machine's. */
  async git(...args: readonly string[]): Promise<Ran> {
    const ran = await this.run("git", args, GIT_ENV);
    if (ran.status !== 0) throw new Error(`git ${args.join(" ")}: ${ran.error}${ran.out}`);
    return ran;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Git without the machine's and the user's configuration. */
export const GIT_ENV: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.org",
};

/** A policy document with this body. */
export function policyText(body: unknown): string {
  return `import { definePolicy } from "postern";\nexport default definePolicy(${
    JSON.stringify(body, null, 2)
  });\n`;
}
