// SPDX-License-Identifier: Apache-2.0

/** Issuers of Entra's tokens: their two forms, and the tenant that stands in them. */

export interface IssuerForms {
  /** With `{tenant}` where the tenant's id stands. */
  readonly v1: string;
  readonly v2: string;
}

/** Of the public cloud. The v1 form ends in a slash, the v2 form does not. */
export const PUBLIC_CLOUD_ISSUERS: IssuerForms = {
  v1: 'https://sts.windows.net/{tenant}/',
  v2: 'https://login.microsoftonline.com/{tenant}/v2.0',
};

const TENANT_ID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';

export interface IssuerRead {
  readonly version: '1.0' | '2.0';
  /** In lower case. */
  readonly tenant: string;
}

/** undefined for an issuer that is not written exactly in one of the forms. */
export function createIssuerReader(forms: IssuerForms): (issuer: string) => IssuerRead | undefined {
  const pattern = (form: string): RegExp => {
    const [before = '', after = ''] = form
      .split('{tenant}')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
    return new RegExp(`^${before}(${TENANT_ID})${after}$`);
  };
  const [v1, v2] = [pattern(forms.v1), pattern(forms.v2)];
  return (issuer) => {
    const first = v1.exec(issuer)?.[1];
    if (first !== undefined) return { version: '1.0', tenant: first.toLowerCase() };
    const second = v2.exec(issuer)?.[1];
    return second === undefined ? undefined : { version: '2.0', tenant: second.toLowerCase() };
  };
}
