/* Sends every datagram to port 7 back to where it came from. busybox has no server for UDP. */
#include <arpa/inet.h>
#include <sys/socket.h>

int main(void) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(7)}, peer;
  int sock = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(sock, (struct sockaddr *)&here, sizeof here)) return 1;
  for (char data[2048];;) {
    socklen_t size = sizeof peer;
    long got = recvfrom(sock, data, sizeof data, 0, (struct sockaddr *)&peer, &size);
    if (got >= 0) sendto(sock, data, got, 0, (struct sockaddr *)&peer, size);
  }
}
