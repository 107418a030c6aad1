// SPDX-License-Identifier: Apache-2.0

/** What dnsmasq is told to know, for captures and for the comparison with its log (test/oracle/dns). */

/** Names of a zone that is nobody's (RFC 6761), with a record of most types. */
export const ZONE: readonly string[] = [
  '--local=/example.test/',
  '--host-record=www.example.test,192.0.2.10,2001:db8::10',
  '--host-record=local.example.test,127.0.0.1',
  '--cname=alias.example.test,local.example.test',
  '--mx-host=example.test,mail.example.test,10',
  '--srv-host=_http._tcp.example.test,local.example.test,8080,5,10',
  '--txt-record=example.test,v=spf1 -all,"two words"',
  '--ptr-record=10.2.0.192.in-addr.arpa,www.example.test',
  '--caa-record=example.test,0,issue,ca.example',
  // HTTPS: priority 1, target '.', alpn h2.
  '--dns-rr=svc.example.test,65,000100000100030268320003000220fb',
  ...Array.from({ length: 12 }, (_, i) => `--txt-record=large.example.test,${String(i).padStart(200, 'x')}`),
];

/** All settings; nothing of the machine's own is read. */
export function dnsmasqArguments(port: number): string[] {
  const own = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--user=root',
    '--no-resolv',
    '--no-hosts',
  ];
  const place = [`--port=${port}`, '--listen-address=127.0.0.1', '--bind-interfaces', '--local-ttl=300', '--no-daemon'];
  return [...own, ...place, '--log-queries', '--log-facility=-', ...ZONE];
}
