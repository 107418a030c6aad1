// SPDX-License-Identifier: Apache-2.0

/** YAML above this is not parsed: it takes a hundred times as long as JSON, and manifests are smaller. */
export const YAML_BYTES_MAX = 256 * 1024;
