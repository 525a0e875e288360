/** What Postern says to people inside their mail, in each language that it knows. */
import {
  type Finding,
  NOTICE_LANGUAGES,
  type NoticeLanguage,
  type NoticeText,
  type Verdict,
} from "../engine/types.ts";
import type { ReportStatus, ResolvedSettings } from "../policy/types.ts";

/** Findings that one notice names at most. */
const MAX_NAMES = 10;
/** Characters of a file name or of a finding's name in a notice. */
const MAX_NAME = 200;

/** What a notice tells of. */
export interface Removed {
  /** `part`: an attachment; `entries`: files in an archive; `content`: everything. */
  readonly what: "part" | "entries" | "content";
  /** As the sender called it; absent where it has no name. */
  readonly name?: string;
  /** Octets, decoded. */
  readonly size?: number;
  readonly findings: readonly Finding[];
  /** Where a copy is kept. */
  readonly quarantineId?: string;
}

/** Words of one language; `{}` is what is put in. */
interface Words {
  readonly named: string;
  readonly unnamed: string;
  readonly entries: string;
  readonly content: string;
  readonly found: string;
  readonly size: string;
  readonly quarantine: string;
  readonly checked: string;
  readonly statuses: Readonly<Record<ReportStatus, string>>;
}

const WORDS: Readonly<Record<NoticeLanguage, Words>> = {
  en: {
    named: 'The attachment "{}" was removed by the mail gateway.',
    unnamed: "A part of this message was removed by the mail gateway.",
    entries: "A file in this archive was removed by the mail gateway.",
    content: "The content of this message was removed by the mail gateway.",
    found: "Found: {}",
    size: "Size: {} bytes",
    quarantine: "A copy is kept in quarantine. Its number: {}",
    checked: "This message was checked by the mail gateway: {}.",
    statuses: {
      clean: "nothing was found",
      cleaned: "dangerous parts were removed",
      infected: "it is infected",
      suspicious: "it is suspicious",
      spam: "it looks like spam",
      notScanned: "it could not be checked completely",
      deleted: "its content was removed",
    },
  },
  de: {
    named: 'Die Anlage "{}" wurde vom Mail-Gateway entfernt.',
    unnamed: "Ein Teil dieser Nachricht wurde vom Mail-Gateway entfernt.",
    entries: "Eine Datei in diesem Archiv wurde vom Mail-Gateway entfernt.",
    content: "Der Inhalt dieser Nachricht wurde vom Mail-Gateway entfernt.",
    found: "Gefunden: {}",
    size: "Größe: {} Byte",
    quarantine: "Eine Kopie liegt in der Quarantäne. Ihre Nummer: {}",
    checked: "Diese Nachricht wurde vom Mail-Gateway geprüft: {}.",
    statuses: {
      clean: "nichts gefunden",
      cleaned: "gefährliche Teile wurden entfernt",
      infected: "sie ist infiziert",
      suspicious: "sie ist verdächtig",
      spam: "sie sieht nach Spam aus",
      notScanned: "sie konnte nicht vollständig geprüft werden",
      deleted: "ihr Inhalt wurde entfernt",
    },
  },
  fr: {
    named: 'La pièce jointe "{}" a été supprimée par la passerelle de messagerie.',
    unnamed: "Une partie de ce message a été supprimée par la passerelle de messagerie.",
    entries: "Un fichier de cette archive a été supprimé par la passerelle de messagerie.",
    content: "Le contenu de ce message a été supprimé par la passerelle de messagerie.",
    found: "Détecté : {}",
    size: "Taille : {} octets",
    quarantine: "Une copie est conservée en quarantaine. Son numéro : {}",
    checked: "Ce message a été contrôlé par la passerelle de messagerie : {}.",
    statuses: {
      clean: "rien n'a été trouvé",
      cleaned: "des parties dangereuses ont été supprimées",
      infected: "il est infecté",
      suspicious: "il est suspect",
      spam: "il ressemble à du courrier indésirable",
      notScanned: "il n'a pas pu être contrôlé entièrement",
      deleted: "son contenu a été supprimé",
    },
  },
  es: {
    named: 'El archivo adjunto "{}" fue eliminado por la pasarela de correo.',
    unnamed: "Una parte de este mensaje fue eliminada por la pasarela de correo.",
    entries: "Un archivo de este paquete fue eliminado por la pasarela de correo.",
    content: "El contenido de este mensaje fue eliminado por la pasarela de correo.",
    found: "Detectado: {}",
    size: "Tamaño: {} bytes",
    quarantine: "Se guarda una copia en cuarentena. Su número: {}",
    checked: "Este mensaje fue revisado por la pasarela de correo: {}.",
    statuses: {
      clean: "no se encontró nada",
      cleaned: "se eliminaron partes peligrosas",
      infected: "está infectado",
      suspicious: "es sospechoso",
      spam: "parece correo no deseado",
      notScanned: "no se pudo revisar por completo",
      deleted: "se eliminó su contenido",
    },
  },
  sk: {
    named: 'Prílohu "{}" odstránila poštová brána.',
    unnamed: "Časť tejto správy odstránila poštová brána.",
    entries: "Súbor v tomto archíve odstránila poštová brána.",
    content: "Obsah tejto správy odstránila poštová brána.",
    found: "Nájdené: {}",
    size: "Veľkosť: {} bajtov",
    quarantine: "Kópia je uložená v karanténe. Jej číslo: {}",
    checked: "Túto správu skontrolovala poštová brána: {}.",
    statuses: {
      clean: "nič sa nenašlo",
      cleaned: "nebezpečné časti boli odstránené",
      infected: "je infikovaná",
      suspicious: "je podozrivá",
      spam: "vyzerá ako nevyžiadaná pošta",
      notScanned: "nebolo možné ju úplne skontrolovať",
      deleted: "jej obsah bol odstránený",
    },
  },
};

/** The note in the place of what was removed. */
export function removalNotice(removed: Removed, language: Language): NoticeText {
  return inLanguages(language, (words) => {
    const name = removed.name === undefined ? "" : safeName(removed.name);
    const first = removed.what === "part"
      ? name === "" ? words.unnamed : put(words.named, name)
      : words[removed.what];
    const lines = [first, put(words.found, names(removed.findings))];
    if (removed.what === "part" && removed.size !== undefined) {
      lines.push(put(words.size, String(removed.size)));
    }
    if (removed.quarantineId !== undefined) {
      lines.push(put(words.quarantine, safeName(removed.quarantineId)));
    }
    return `${lines.join("\r\n")}\r\n`;
  });
}

/** The text in the place of a message that is not handed out. */
export function withheldNotice(
  status: ReportStatus,
  verdict: Verdict | undefined,
  quarantineId: string | undefined,
  language: Language,
): NoticeText {
  return inLanguages(language, (words) => {
    const lines = [words.content];
    if (status !== "clean") lines.push(put(words.checked, words.statuses[status]));
    if (verdict && verdict.findings.length > 0) {
      lines.push(put(words.found, names(verdict.findings)));
    }
    if (quarantineId !== undefined) lines.push(put(words.quarantine, safeName(quarantineId)));
    return `${lines.join("\r\n")}\r\n`;
  });
}

/** The note at the end of a message's text. */
export function footnote(
  status: ReportStatus,
  verdict: Verdict | undefined,
  language: Language,
): NoticeText {
  return inLanguages(language, (words) => {
    const lines = ["-- ", put(words.checked, words.statuses[status])];
    if (verdict && verdict.findings.length > 0) {
      lines.push(put(words.found, names(verdict.findings)));
    }
    return `${lines.join("\r\n")}\r\n`;
  });
}

type Language = ResolvedSettings["marks"]["language"];

function inLanguages(language: Language, text: (words: Words) => string): NoticeText {
  if (language !== "auto") return text(WORDS[language]);
  const texts = NOTICE_LANGUAGES.map((one) => [one, text(WORDS[one])] as const);
  return Object.fromEntries(texts) as Record<NoticeLanguage, string>;
}

function put(words: string, text: string): string {
  return words.replace("{}", () => text);
}

/** Names of findings, each once. */
export function names(findings: readonly Finding[]): string {
  const all = [...new Set(findings.map((finding) => safeName(finding.name)))];
  const more = all.length > MAX_NAMES ? ", ..." : "";
  return all.slice(0, MAX_NAMES).join(", ") + more;
}

/**
 * A name from outside as one piece of a line: nothing that ends the line or turns its direction, nothing that a mail program makes
 * a link of.
 */
export function safeName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu, "").replace(/:(?=\/\/)/g, "_")
    .replace(/\b(www)\./gi, "$1_").replace(/@/g, "_").slice(0, MAX_NAME).toWellFormed();
}
