/**
 * The table of classic parameters and what each became. The translator acts by it and docs/classic.md is generated from it, so
 * the two cannot disagree.
 */

/** A part of the policy's settings, as people write it. */
export type SettingsPatch = { readonly [area: string]: { readonly [setting: string]: unknown } };

/** What a parameter became. */
export type Placement =
  /** A setting of the policy; `read` gives undefined when the value is none of `values`. */
  | {
    readonly to: "policy";
    readonly setting: string;
    readonly values: string;
    readonly read: (value: string) => SettingsPatch | undefined;
  }
  /** Part of postern.config.ts; the translator knows how. */
  | { readonly to: "config"; readonly setting: string }
  /** How sections hang together; gone once translated. */
  | { readonly to: "structure"; readonly setting: string }
  /** No place, and why. */
  | { readonly to: "none"; readonly reason: string };

/** One row of the table. */
export interface ClassicParameter {
  /** `*` where every section may have it. */
  readonly section: string;
  readonly name: string;
  readonly placement: Placement;
}

const FIRST = ["scan", "accept", "defer", "discard", "reject"];
const HANDLE = ["accept", "defer", "discard", "reject"];

function choice(area: string, setting: string, allowed: readonly string[]): Placement {
  return {
    to: "policy",
    setting: `${area}.${setting}`,
    values: allowed.join(", "),
    read: (value) => allowed.includes(value) ? { [area]: { [setting]: value } } : undefined,
  };
}

/** yes and no are of early version 4; the words came later. */
const CLEAN_WORDS: Readonly<Record<string, string>> = {
  yes: "standard",
  no: "none",
  none: "none",
  standard: "standard",
  strict: "strict",
  rigorous: "rigorous",
  delete: "delete",
};

const ALWAYS =
  'always scanned: what is not opened is "not scanned", and antivirus.notScanned says what then';
const ENGINE =
  "engine targets are not switched one by one: rules on `finding` decide what a detection means";
const MASK =
  "the values of this mask are not documented: set marks.header, marks.subject, marks.footnote";
const UNIT = "its unit is not documented: set the limit with its unit in settings.limits";
const UPDATE = "there is no vendor's update server: signature modules have sources of their own";
const LICENCE = "there are no licence files";
const REMOTE =
  "remote administration by the classic protocol does not exist: postern status, policy in git";
const MIRROR = "the classic mirror serves the classic product's modules only";
const SAMPLES = "nothing is ever sent to a vendor";
const WEB = "this version has no web interface";

const none = (section: string, reason: string, ...names: string[]): ClassicParameter[] =>
  names.map((name) => ({ section, name, placement: { to: "none", reason } }));
const placed = (section: string, placement: Placement, ...names: string[]): ClassicParameter[] =>
  names.map((name) => ({ section, name, placement }));

/** Every parameter of the classic product that is known. */
export const CLASSIC_PARAMETERS: readonly ClassicParameter[] = [
  ...placed(
    "*",
    { to: "config", setting: "agents: an enabled agent is one entry" },
    "agent_enabled",
  ),
  ...placed(
    "*",
    { to: "structure", setting: "rules, one an identity; lists, one a group" },
    "user_config",
    "parent_id",
  ),
  ...placed("*", choice("antivirus", "action", FIRST), "action_av"),
  ...placed("*", choice("antivirus", "infected", HANDLE), "action_av_infected"),
  ...placed("*", choice("antivirus", "notScanned", HANDLE), "action_av_notscanned"),
  ...placed("*", choice("antivirus", "deleted", HANDLE), "action_av_deleted"),
  ...placed("*", choice("antispam", "action", FIRST), "action_as"),
  ...placed("*", choice("antispam", "spam", HANDLE), "action_as_spam"),
  ...none(
    "*",
    "spam tests never leave a message unscanned: a lookup that fails is unknown to the rules",
    "action_as_notscanned",
  ),
  ...placed("*", {
    to: "policy",
    setting: "antivirus.clean",
    values: "none, standard, strict, rigorous, delete; yes is standard, no is none",
    read: (value) => {
      const clean = Object.hasOwn(CLEAN_WORDS, value) ? CLEAN_WORDS[value] : undefined;
      return clean === undefined ? undefined : { antivirus: { clean } };
    },
  }, "av_clean_mode"),
  ...placed("*", {
    to: "policy",
    setting: "limits.archiveLevels",
    values: "a number from 1",
    read: (value) =>
      /^[1-9]\d{0,3}$/.test(value) ? { limits: { archiveLevels: Number(value) } } : undefined,
  }, "av_scan_archive_max_level"),
  ...placed("*", {
    to: "policy",
    setting: "antispam.subjectPrefix, and marks.subject",
    values: "text",
    read: (value) => ({
      antispam: { subjectPrefix: value },
      ...(value === "" ? {} : { marks: { subject: ["spam"] } }),
    }),
  }, "as_eml_subject_prefix"),
  ...none("*", UNIT, "av_scan_archive_max_size", "av_scan_obj_max_size", "av_scan_timeout"),
  ...none(
    "*",
    ALWAYS,
    "av_scan_obj_archives",
    "av_scan_obj_emails",
    "av_scan_obj_sfx",
    "av_scan_obj_rtp",
    "av_scan_obj_files",
    "scan_obj_emails",
  ),
  ...none(
    "*",
    ENGINE,
    "av_scan_adware",
    "av_scan_app_unsafe",
    "av_scan_app_unwanted",
    "av_scan_heur",
    "av_scan_adv_heur",
    "av_scan_pattern",
  ),
  ...none(
    "*",
    MASK,
    "av_eml_header_modification",
    "av_eml_footnote_modification",
    "av_eml_subject_modification",
    "as_eml_header_modification",
    "as_eml_subject_modification",
    "write_to_header",
    "write_to_emails",
  ),
  ...placed("*", { to: "config", setting: "agents[].listen" }, "listen_addr", "listen_port"),
  ...placed(
    "*",
    { to: "config", setting: "agents[].nextHop, agents[].server" },
    "server_addr",
    "server_port",
  ),
  ...placed("global", { to: "config", setting: "scanners.processes" }, "num_proc"),
  ...none(
    "global",
    "a scanner reads one message at a time: scanners.processes is the number at once",
    "num_thrd",
  ),
  ...placed("global", { to: "config", setting: "log.to, log.facility" }, "syslog_facility"),
  ...none("global", "classes are not documented: set log.level", "syslog_class"),
  ...none(
    "global",
    "the program carries its modules: state names the one directory that it needs",
    "base_dir",
  ),
  ...none("global", LICENCE, "license_dir", "license_warn_enabled"),
  ...none(
    "global",
    "no script is run: settings.notify names who is told, and the log has a line for each message",
    "exec_script",
  ),
  ...none(
    "global",
    SAMPLES,
    "samples_enabled",
    "samples_send_period",
    "samples_provider_mail",
    "samples_provider_country",
  ),
  ...none(
    "global",
    UPDATE,
    "av_update_username",
    "av_update_password",
    "av_update_server",
    "av_update_period",
    "as_update_period",
    "proxy_addr",
    "proxy_port",
    "proxy_username",
    "proxy_password",
  ),
  ...none(
    "global",
    MIRROR,
    "av_mirror_enabled",
    "av_mirror_dir",
    "av_mirror_pcu",
    "av_mirror_httpd_enabled",
    "av_mirror_httpd_port",
    "av_mirror_httpd_addr",
    "av_mirror_httpd_auth_mode",
    "av_mirror_httpd_username",
    "av_mirror_httpd_password",
  ),
  ...none(
    "global",
    REMOTE,
    "racl_enabled",
    "racl_server_addr",
    "racl_server_port",
    "racl_password",
    "racl_interval",
    "racl_logs_lifetime",
  ),
  ...none(
    "global",
    "the daemon keeps its own store in order: quarantine.keep and messageLog.keep say how long",
    "scheduler_tasks",
  ),
  ...none("global", "quarantined mail lies in the store under state", "quarantine_dir"),
  ...placed("smfi", { to: "config", setting: "agents[].listen" }, "smfi_sock_path"),
  ...none("mda", "named on the command line: postern mda -- PROGRAM ARGUMENTS", "mda_path"),
  ...none(
    "mda",
    "options of postern mda: --mode qmail, or --exit-reject and --exit-defer",
    "infected_return_code",
    "tmpfail_return_code",
  ),
  ...none("wwwi", WEB, "username", "password"),
  ...none("dac", "files on disk are not guarded on access", "event_mask", "ctl_incl"),
];

const INDEX = new Map(CLASSIC_PARAMETERS.map((p) => [`${p.section} ${p.name}`, p.placement]));

/** The placement of a parameter in a section; undefined where the classic product has no such parameter that is known. */
export function placementOf(section: string, name: string): Placement | undefined {
  return INDEX.get(`${section} ${name}`) ?? INDEX.get(`* ${name}`);
}

/** Sections that are agents, and what the policy calls them. */
export const CLASSIC_AGENTS: Readonly<Record<string, string>> = {
  smtp: "smtp",
  smfi: "milter",
  pop3: "pop3",
  imap: "imap",
  mda: "mda",
  pipe: "pipe",
  cgp: "cgp",
  cli: "scan",
};
