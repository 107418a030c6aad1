// SPDX-License-Identifier: Apache-2.0

/**
 * How common programs take secrets on their command lines, where the option's name does not say it: `mysql -pSECRET`,
 * `curl -u user:SECRET`, `vault kv put path key=SECRET`. Options whose names say it need no entry.
 */

export interface Tool {
  /** The word behind is the secret. */
  readonly next?: readonly string[];
  /** The rest of the word is the secret. */
  readonly attached?: readonly string[];
  /** The word behind, or the rest of the word, is user:SECRET (or user%SECRET). */
  readonly pairs?: readonly string[];
  readonly pairSign?: string;
  /** The word behind is a cookie. */
  readonly cookies?: readonly string[];
  /** All this holds only when one of these words is there: `docker run -p` is about ports. */
  readonly when?: readonly string[];
  /** `configure set NAME VALUE`: a word with the name of a secret stands before it. */
  readonly namesThenValue?: boolean;
  /** Each NAME=VALUE behind the words of `when` is a secret. */
  readonly assignments?: boolean;
  /** `--from-literal=NAME=VALUE` */
  readonly literals?: readonly string[];
  /** The word behind these words is the secret: `vault login SECRET`. */
  readonly behindWords?: readonly string[];
  /** The last word is the secret when this option is there: `htpasswd -b file user SECRET`. */
  readonly lastWith?: string;
  /** user/SECRET@database */
  readonly slashed?: boolean;
}

const MYSQL: Tool = { attached: ['-p'] };
const MONGO: Tool = { next: ['-p'] };
const CONTAINERS: Tool = { next: ['-p'], when: ['login'] };
const KEYTOOL: Tool = {
  next: ['-storepass', '-keypass', '-srcstorepass', '-deststorepass', '-srckeypass', '-destkeypass', '-new'],
};
const LDAP: Tool = { next: ['-w'] };
const SQL_SERVER: Tool = { next: ['-P'], attached: ['-P'] };
const ORACLE: Tool = { slashed: true };
const ARCHIVE: Tool = { attached: ['-p'] };
const ZIP: Tool = { next: ['-P'], attached: ['-P'] };
const SETTINGS: Tool = { namesThenValue: true };
const SAMBA: Tool = { pairs: ['-U', '--user'], pairSign: '%' };
const HTTPIE: Tool = { pairs: ['-a', '--auth'] };
const KUBERNETES: Tool = { literals: ['--from-literal'], when: ['secret', 'secrets'] };

/** By the name of the program's file. */
export const TOOLS: Readonly<Record<string, readonly Tool[]>> = {
  mysql: [MYSQL],
  mysqldump: [MYSQL],
  mysqladmin: [MYSQL, { behindWords: ['password'] }],
  mysqlimport: [MYSQL],
  mysqlsh: [MYSQL],
  mariadb: [MYSQL],
  'mariadb-dump': [MYSQL],
  'mariadb-admin': [MYSQL],
  mongo: [MONGO],
  mongosh: [MONGO],
  mongodump: [MONGO],
  mongorestore: [MONGO],
  mongoexport: [MONGO],
  mongoimport: [MONGO],
  'redis-cli': [{ next: ['-a', '--pass'] }],
  curl: [
    {
      pairs: ['-u', '--user', '-U', '--proxy-user', '-E', '--cert', '--proxy-cert'],
      next: ['--pass', '--proxy-pass', '--oauth2-bearer', '--tlspassword', '--proxy-tlspassword'],
      cookies: ['-b', '--cookie'],
    },
  ],
  http: [HTTPIE],
  https: [HTTPIE],
  xh: [HTTPIE],
  docker: [CONTAINERS],
  podman: [CONTAINERS],
  nerdctl: [CONTAINERS],
  buildah: [CONTAINERS],
  skopeo: [CONTAINERS],
  helm: [CONTAINERS],
  oras: [CONTAINERS],
  crane: [CONTAINERS],
  sshpass: [{ next: ['-p'], attached: ['-p'] }],
  az: [{ next: ['-p'], when: ['login'] }],
  aws: [SETTINGS],
  npm: [SETTINGS],
  pnpm: [SETTINGS],
  yarn: [SETTINGS],
  git: [SETTINGS],
  gcloud: [SETTINGS],
  nmcli: [SETTINGS],
  kubectl: [KUBERNETES],
  oc: [KUBERNETES],
  gh: [{ next: ['-b', '--body'], when: ['secret'] }],
  vault: [{ behindWords: ['login', 'unseal'] }, { assignments: true, when: ['put', 'patch', 'write'] }],
  openssl: [{ next: ['-passin', '-passout', '-pass', '-password', '-k', '-K'] }],
  keytool: [KEYTOOL],
  jarsigner: [KEYTOOL],
  ldapsearch: [LDAP],
  ldapadd: [LDAP],
  ldapmodify: [LDAP],
  ldapdelete: [LDAP],
  ldapwhoami: [LDAP],
  ldappasswd: [{ next: ['-w', '-s', '-a'] }],
  smbclient: [SAMBA],
  rpcclient: [SAMBA],
  net: [SAMBA],
  lftp: [{ pairs: ['-u'], pairSign: ',' }],
  htpasswd: [{ lastWith: '-b' }],
  useradd: [{ next: ['-p'] }],
  usermod: [{ next: ['-p'] }],
  sqlcmd: [SQL_SERVER],
  bcp: [SQL_SERVER],
  osql: [SQL_SERVER],
  sqlplus: [ORACLE],
  sqlldr: [ORACLE],
  expdp: [ORACLE],
  impdp: [ORACLE],
  '7z': [ARCHIVE],
  '7za': [ARCHIVE],
  '7zz': [ARCHIVE],
  unrar: [ARCHIVE],
  rar: [ARCHIVE, { attached: ['-hp'] }],
  zip: [ZIP],
  unzip: [ZIP],
  twine: [{ next: ['-p'] }],
  cargo: [{ behindWords: ['login'] }],
  doctl: [{ next: ['-t'], when: ['auth'] }],
  rclone: [{ behindWords: ['obscure'] }],
  rdesktop: [{ next: ['-p'] }],
  xfreerdp: [{ attached: ['/p:'] }],
};

/** Programs that run the script which stands behind their option -c. */
export const SHELLS = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'ash', 'fish', 'su', 'runuser']);
