// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)

/*
 * Keys of SSH where a program hands them to a cipher. Attached by the loader to places in files of programs that speak SSH
 * or make ciphers for those that do, never to libcrypto itself: TLS passes there with each record.
 */

#include "lib/maps.h"

#include <asm/ptrace.h>
#include <bpf/bpf_tracing.h>

#include "lib/go.h"
#include "lib/ssh_key.h"

/* A cipher whose type was set on a context of libcrypto, and whose key is to come. */
struct begun_cipher {
	__u64 context;
	__u32 key_bytes;
	__u32 iv_bytes;
	__u16 cipher;
	__u16 zero[3];
};

/*
 * ciphers_begun: thread -> the cipher that it has begun last. Written over by the thread's next; the oldest goes when it is
 * full, and its key then counts as SWORN_COUNTER_KEY_UNREADABLE.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct begun_cipher);
} ciphers_begun SEC(".maps");

/* OpenSSH, cipher.c, struct sshcipher: its name comes first. All names are longer than this but "3des-cbc". */
#define SSH_NAME_BYTES 9

/* "aes256-ctr", "aes128-gcm@openssh.com", "aes192-cbc", "chacha20-poly1305@openssh.com"; Node: "aes-256-ctr", "chacha20". */
static __always_inline __u16 cipher_by_name(const __u8 *name, __u32 mode_at)
{
	if (name[0] == 'c' && name[1] == 'h')
		return SWORN_SSH_CIPHER_CHACHA20;
	if (name[0] != 'a' || name[1] != 'e' || name[2] != 's')
		return SWORN_SSH_CIPHER_UNKNOWN;
	if (name[mode_at] == 'g')
		return SWORN_SSH_CIPHER_AES_GCM;
	if (name[mode_at] != 'c')
		return SWORN_SSH_CIPHER_UNKNOWN;
	return name[mode_at + 1] == 't' ? SWORN_SSH_CIPHER_AES_CTR : SWORN_SSH_CIPHER_AES_CBC;
}

static __always_inline __u16 direction_of(__s32 encrypts)
{
	if (encrypts == 1)
		return SWORN_SECRET_HAS_ENCRYPTS;
	return encrypts == 0 ? SWORN_SECRET_HAS_DECRYPTS : 0;
}

/*
 * int cipher_init(struct sshcipher_ctx **ccp, const struct sshcipher *cipher, const u_char *key, u_int keylen,
 *                 const u_char *iv, u_int ivlen, int do_encrypt)
 */
SEC("uprobe.s")
int openssh_cipher(struct pt_regs *context)
{
	struct ssh_key_place place = {
		.key = PT_REGS_PARM3(context),
		.key_bytes = PT_REGS_PARM4(context),
		.iv = PT_REGS_PARM5(context),
		.iv_bytes = C_ARGUMENT_6(context),
		.always = 1,
	};
	__u8 letters[SSH_NAME_BYTES];
	struct secret_owner owner;
	__u64 name, encrypts;

	if (!owns_secrets(context, &owner))
		return 0;
	/* Keys of users and hosts in files and in memory are encrypted, too: key and IV are one piece there. */
	if (place.iv == place.key + place.key_bytes)
		return 0;
	if (is_key_unreadable(read_process(&name, sizeof(name), PT_REGS_PARM2(context))) ||
	    is_key_unreadable(read_process(letters, sizeof(letters), name)) ||
	    is_key_unreadable(read_argument_from_7(context, 7, &encrypts)))
		return 0;
	place.cipher = cipher_by_name(letters, 7);
	place.direction = direction_of(encrypts);
	take_ssh_key(context, &owner, &place);
	return 0;
}

/* openssl/evp.h, struct evp_cipher_st: the same beginning in 1.1 and 3. */
struct evp_cipher {
	__s32 nid;
	__s32 block_bytes;
	__s32 key_bytes;
	__s32 iv_bytes;
};

/* openssl/obj_mac.h: numbers that are never given anew. */
static __always_inline __u16 cipher_by_nid(__s32 nid)
{
	switch (nid) {
	case 904:
	case 905:
	case 906:
		return SWORN_SSH_CIPHER_AES_CTR;
	case 895:
	case 898:
	case 901:
		return SWORN_SSH_CIPHER_AES_GCM;
	case 419:
	case 423:
	case 427:
		return SWORN_SSH_CIPHER_AES_CBC;
	case 1019:
		return SWORN_SSH_CIPHER_CHACHA20;
	}
	return SWORN_SSH_CIPHER_UNKNOWN;
}

/* A call that sets type, key and IV of a context, or some of them: what is 0 was set before or comes later. */
static __always_inline void take_evp_key(struct pt_regs *context, __u64 evp, __u64 type, __u64 key, __u64 iv, __s32 encrypts)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct ssh_key_place place = {.key = key, .iv = iv, .direction = direction_of(encrypts)};
	struct begun_cipher begun = {.context = evp}, *before;
	struct secret_owner owner;
	struct evp_cipher cipher;

	/* The IV of a packet. */
	if (!type && !key)
		return;
	if (!owns_secrets(context, &owner))
		return;
	if (type) {
		if (is_key_unreadable(read_process(&cipher, sizeof(cipher), type)))
			return;
		begun.cipher = cipher_by_nid(cipher.nid);
		begun.key_bytes = cipher.key_bytes;
		begun.iv_bytes = cipher.iv_bytes;
		/* Also of ciphers that are none of SSH's, so that their keys are not taken for another's. */
		bpf_map_update_elem(&ciphers_begun, &thread, &begun, BPF_ANY);
	} else {
		before = bpf_map_lookup_elem(&ciphers_begun, &thread);
		if (!before || before->context != evp) {
			count(SWORN_COUNTER_KEY_UNREADABLE, 0);
			return;
		}
		begun = *before;
	}
	if (!key || begun.cipher == SWORN_SSH_CIPHER_UNKNOWN)
		return;
	place.cipher = begun.cipher;
	place.key_bytes = begun.key_bytes;
	place.iv_bytes = begun.iv_bytes;
	take_ssh_key(context, &owner, &place);
}

/* int EVP_CipherInit(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *type, const unsigned char *key, const unsigned char *iv, int enc) */
SEC("uprobe.s")
int evp_cipher_init(struct pt_regs *context)
{
	take_evp_key(context, PT_REGS_PARM1(context), PT_REGS_PARM2(context), PT_REGS_PARM3(context),
		     PT_REGS_PARM4(context), PT_REGS_PARM5(context));
	return 0;
}

/* int EVP_CipherInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *type, ENGINE *impl, key, iv, int enc) */
SEC("uprobe.s")
int evp_cipher_init_ex(struct pt_regs *context)
{
	take_evp_key(context, PT_REGS_PARM1(context), PT_REGS_PARM2(context), PT_REGS_PARM4(context),
		     PT_REGS_PARM5(context), C_ARGUMENT_6(context));
	return 0;
}

/* int EVP_EncryptInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *type, ENGINE *impl, key, iv), EVP_DecryptInit_ex */
SEC("uprobe.s")
int evp_one_way_init_ex(struct pt_regs *context)
{
	take_evp_key(context, PT_REGS_PARM1(context), PT_REGS_PARM2(context), PT_REGS_PARM4(context),
		     PT_REGS_PARM5(context), -1);
	return 0;
}

/* Of "aes-256-ctr" all but the last letter. */
#define NODE_NAME_BYTES 10

/*
 * void CipherBase::CommonInit(const char *cipher_type, cipher, const unsigned char *key, int key_len,
 *                             const unsigned char *iv, int iv_len, unsigned int auth_tag_len), `this` before them
 */
SEC("uprobe.s")
int node_cipher(struct pt_regs *context)
{
	struct ssh_key_place place = {
		.key = PT_REGS_PARM4(context),
		.key_bytes = PT_REGS_PARM5(context),
		.iv = C_ARGUMENT_6(context),
	};
	__u8 letters[NODE_NAME_BYTES] = {};
	struct secret_owner owner;
	__u64 iv_bytes;

	if (!owns_secrets(context, &owner) || is_key_unreadable(read_argument_from_7(context, 7, &iv_bytes)))
		return 0;
	place.iv_bytes = (__u32)iv_bytes;
	/* A name at the end of a page is shorter: then it is not known. */
	read_process(letters, sizeof(letters), PT_REGS_PARM2(context));
	place.cipher = cipher_by_name(letters, 8);
	take_ssh_key(context, &owner, &place);
	return 0;
}

/* func newAESCTR(key, iv []byte) (cipher.Stream, error), and others that begin with the same arguments. */
SEC("uprobe.s")
int go_ssh_cipher(struct pt_regs *context)
{
	struct ssh_key_place place = {
		.key = GO_ARGUMENT_1(context),
		.key_bytes = GO_ARGUMENT_2(context),
		.iv = GO_ARGUMENT_4(context),
		.iv_bytes = GO_ARGUMENT_5(context),
	};
	struct secret_owner owner;

	if (!owns_secrets(context, &owner))
		return 0;
	if (place.key_bytes == SWORN_SSH_KEY_BYTES_MAX)
		place.cipher = SWORN_SSH_CIPHER_CHACHA20;
	take_ssh_key(context, &owner, &place);
	return 0;
}
