// SPDX-License-Identifier: Apache-2.0

export { containerIdOf } from '../model/cgroup-path.ts';
