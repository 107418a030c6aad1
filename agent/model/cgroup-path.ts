// SPDX-License-Identifier: Apache-2.0

/** What the path of a cgroup (v2, from the root of the host) says of what runs in it, by the names of those who make cgroups. */

const CONTAINER = /^(?:[\w-]+-)?([0-9a-f]{64})(?:\.scope)?$/;

/**
 * The innermost container that a cgroup belongs to, by the names that runtimes give: docker-ID.scope,
 * cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope, /docker/ID, /kubepods/…/ID. '' when it is none. Good for a
 * record; whoever may make cgroups can make one of such a name.
 */
export function containerIdOf(cgroup: string): string {
  const parts = cgroup.split('/');
  for (let i = parts.length - 1; i > 0; i--) {
    const id = CONTAINER.exec(parts[i] as string)?.[1];
    if (id !== undefined) return id;
  }
  return '';
}

/**
 * The outermost container: the one that the host's own runtime made. What is below it was made from inside, and is named as
 * whoever is inside likes. '' when it is none.
 */
export function outermostContainerIdOf(cgroup: string): string {
  for (const part of cgroup.split('/')) {
    const id = CONTAINER.exec(part)?.[1];
    if (id !== undefined) return id;
  }
  return '';
}

/** The slices that lead to a cgroup, outermost first: those before anything that is no slice. */
export function slicesOf(cgroup: string): string[] {
  const parts = cgroup.split('/').filter((part) => part !== '');
  const end = parts.findIndex((part) => !part.endsWith('.slice'));
  return end < 0 ? parts : parts.slice(0, end);
}

/**
 * The unit of the system's own systemd: the first service or scope after the slices. For all that a user's own manager
 * starts it is user@UID.service: units below that are named by the user. '' when there is none.
 */
export function systemUnitOf(cgroup: string): string {
  const parts = cgroup.split('/').filter((part) => part !== '');
  const first = parts[slicesOf(cgroup).length] ?? '';
  return /\.(?:service|scope)$/.test(first) ? first : '';
}
