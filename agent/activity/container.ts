// SPDX-License-Identifier: Apache-2.0

/**
 * The container that a cgroup belongs to, by the names that runtimes give: docker-ID.scope, cri-containerd-ID.scope,
 * crio-ID.scope, libpod-ID.scope, /docker/ID, /kubepods/…/ID. '' when it is none.
 */
export function containerIdOf(cgroup: string): string {
  const parts = cgroup.split('/');
  for (let i = parts.length - 1; i > 0; i--) {
    const id = /^(?:[\w-]+-)?([0-9a-f]{64})(?:\.scope)?$/.exec(parts[i] as string)?.[1];
    if (id !== undefined) return id;
  }
  return '';
}
