"""What Python has only on POSIX, by module. Also imported by sitecustomize.py beside it."""

MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
OS = """
O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG chown chroot confstr fchdir fchmod fchown fork
forkpty getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getsid getuid initgroups
killpg lchown lockf makedev mkfifo mknod nice openpty pathconf posix_fadvise posix_fallocate posix_spawn pread
preadv pwrite sched_getaffinity sched_setaffinity sendfile setgid setpgid setsid setuid statvfs fstatvfs sync
sysconf tcgetpgrp ttyname uname wait wait3 wait4 waitid waitpid
""".split()
SIGNAL = """
SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 SIGUSR2 alarm pthread_sigmask setitimer sigwait
""".split()
