/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef SWORN_BPF_KERNEL_TYPES_H
#define SWORN_BPF_KERNEL_TYPES_H

/*
 * The few kernel types that the programs read, with the few fields. Offsets are relocated at load time against the
 * running kernel's BTF (CO-RE), so order and gaps here mean nothing and no kernel headers are needed to build.
 * What changed between kernels is in compat/.
 */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct qstr {
	__u32 len;
	const unsigned char *name;
};

/* A request to an io_uring. */
struct io_kiocb {
	__u8 opcode;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
	unsigned int i_nlink;
	__u32 i_rdev;
	struct super_block *i_sb;
	void *i_private;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_mode;
	void *private_data;
};

struct kiocb {
	struct file *ki_filp;
};

struct iov_iter {
	__u8 iter_type;
	__u64 count;
	void *ubuf;
};

struct ktermios {
	unsigned int c_oflag;
	unsigned int c_lflag;
};

struct winsize {
	unsigned short ws_row;
	unsigned short ws_col;
};

struct tty_driver {
	int major;
};

struct tty_control {
	struct pid *session;
};

struct tty_struct {
	/* Its type has no name of its own. */
	struct tty_control ctrl;
	int index;
	struct tty_driver *driver;
	struct ktermios termios;
	struct winsize winsize;
};

struct tty_file_private {
	struct tty_struct *tty;
	struct file *file;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path pwd;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct user_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
};

struct signal_struct {
	atomic_t live;
	unsigned int flags;
	int group_exit_code;
	struct tty_struct *tty;
};

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	struct user_namespace *user_ns;
};

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

/* As long as the kernel has subsystems. */
struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct upid {
	int nr;
};

struct pid {
	struct hlist_head tasks[1];
	struct upid numbers[1];
};

struct list_head {
	struct list_head *next;
};

struct task_struct {
	unsigned int flags;
	unsigned int ptrace;
	int pid;
	int tgid;
	int exit_code;
	__u64 start_boottime;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct list_head ptraced;
	struct list_head ptrace_entry;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	const struct cred *cred;
	struct css_set *cgroups;
	struct hlist_node pid_links[1];
	kuid_t loginuid;
};

struct linux_binprm;

struct kernel_siginfo {
	int si_code;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__u32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

typedef struct {
	int owned;
} socket_lock_t;

struct socket;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	__u16 sk_protocol;
	__u16 sk_type;
	__u8 sk_shutdown;
	int sk_err;
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
};

struct socket {
	struct sock *sk;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct inet_sock {
	struct sock sk;
};

struct fastopen_queue {
	int max_qlen;
};

struct request_sock_queue {
	struct fastopen_queue fastopenq;
};

struct tcp_ulp_ops {
	char name[16];
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	const struct tcp_ulp_ops *icsk_ulp_ops;
	struct request_sock_queue icsk_accept_queue;
};

struct tcp_request_sock {
	__u32 rcv_isn;
	__u32 snt_isn;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 copied_seq;
	__u32 rcv_nxt;
	__u32 rcv_wnd;
	__u32 max_window;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 write_seq;
	__u64 bytes_received;
	__u64 bytes_acked;
};

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};

struct netlink_sock {
	struct sock sk;
	__u32 dst_portid;
};

/* `end` is an offset from `head` on 64-bit kernels. */
struct sk_buff {
	unsigned char *head;
	unsigned int end;
};

struct skb_shared_info {
	__u8 flags;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	union {
		struct bpf_iter_meta *meta;
	};
	union {
		struct task_struct *task;
	};
};

struct bpf_iter__task_file {
	union {
		struct bpf_iter_meta *meta;
	};
	union {
		struct task_struct *task;
	};
	__u32 fd;
	union {
		struct file *file;
	};
};

#pragma clang attribute pop

/* include/net/tcp_states.h: part of the user-space ABI through /proc/net/tcp and tcp_diag. */
enum {
	TCP_STATE_ESTABLISHED = 1,
	TCP_STATE_SYN_SENT = 2,
	TCP_STATE_SYN_RECV = 3,
	TCP_STATE_FIN_WAIT1 = 4,
	TCP_STATE_FIN_WAIT2 = 5,
	TCP_STATE_TIME_WAIT = 6,
	TCP_STATE_CLOSE = 7,
	TCP_STATE_CLOSE_WAIT = 8,
	TCP_STATE_LAST_ACK = 9,
	TCP_STATE_LISTEN = 10,
	TCP_STATE_CLOSING = 11,
};

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define S_IFMT 00170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
/* For the owner, the group or others. */
#define S_IXANY 00111
#define MAP_ANONYMOUS 0x20
#define MSG_PEEK 2
/* include/linux/sched/signal.h */
#define SIGNAL_GROUP_EXIT 0x00000004
/* include/uapi/linux/io_uring.h: what may move bytes of a pipe or a terminal. */
#define IORING_OP_READV 1
#define IORING_OP_WRITEV 2
#define IORING_OP_READ_FIXED 4
#define IORING_OP_WRITE_FIXED 5
#define IORING_OP_READ 22
#define IORING_OP_WRITE 23
#define IORING_OP_SPLICE 30
#define IORING_OP_TEE 33
#define IORING_OP_READ_MULTISHOT 49
/* include/linux/sched.h: a thread that the kernel made to work for io_uring. */
#define PF_IO_WORKER 0x00000010
#define SOCK_RAW 3
#define FMODE_WRITE 2
/* include/uapi/linux/magic.h */
#define PIPEFS_MAGIC 0x50495045
#define AF_NETLINK 16
#define NETLINK_ROUTE 0
#define SIGCHLD 17
/* include/uapi/asm-generic/siginfo.h: a child that may be traced has stopped. */
#define CLD_TRAPPED 4
#define CLD_STOPPED 5
/* include/linux/skbuff.h: pages of the program that sends, or of a file. */
#define SKBFL_ZEROCOPY_ENABLE 1
#define SKBFL_SHARED_FRAG 2
#define CLONE_NEWNS 0x00020000
#define CLONE_NEWUSER 0x10000000
#define CLONE_NEWPID 0x20000000
#define CLONE_NEWNET 0x40000000
/* include/net/sock.h */
#define RCV_SHUTDOWN 1

#endif
